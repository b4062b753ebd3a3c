package configs

// Notify says who is told about what. Exactly one of Webhook and Elastic is given.
type Notify struct {
	// On is the events that are told; failed is every run that ends reverted, held or mixed.
	On []string `yaml:"on" required:"true" unique:"true" oneof:"started deployed failed reverted held stopped mixed"`
	// Webhook is a URL to post JSON to; the URL is a secret.
	Webhook Secret `yaml:"webhook" either:"where"`
	// Elastic is an index of sources.elastic that a document is written to.
	Elastic string `yaml:"elastic" either:"where" form:"index"`
}
