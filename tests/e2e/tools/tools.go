//go:build tools

// What the end-to-end tests build with Go, at versions that Debian 12's own compiler (1.19) can build.
package tools

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "github.com/summerwind/h2spec/cmd/h2specd"
)
