//go:build tools

// Package tools pins the Pulumi CLI under which tests/deploy runs the program; `make pulumi` builds it.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
