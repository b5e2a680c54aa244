// Google's own fake of Pub/Sub, for bench/pubsub.py: prints its port, ends with its input.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"cloud.google.com/go/pubsub/v2/pstest"
)

func main() {
	server := pstest.NewServer()
	defer server.Close()
	fmt.Println(server.Addr[strings.LastIndex(server.Addr, ":")+1:])
	io.Copy(io.Discard, os.Stdin)
}
