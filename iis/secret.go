package iis

import "log/slog"

// Secret is a password. It prints as a placeholder, whatever prints it.
type Secret string

const placeholder = "[secret]"

// String is a placeholder.
func (Secret) String() string { return placeholder }

// GoString is a placeholder.
func (Secret) GoString() string { return placeholder }

// MarshalText is a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// LogValue is a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(placeholder) }
