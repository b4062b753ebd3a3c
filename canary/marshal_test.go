package canary_test

import (
	"context"
	"encoding/json"
)

type ctx = context.Context

func marshal(v any) ([]byte, error) { return json.Marshal(v) }
