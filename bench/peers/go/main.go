// The peers in Go: `peers NAME INPUT` serves on a free port of loopback, says {"port": n}, and ends when its input does.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"google.golang.org/protobuf/proto"

	pb "sboxagent.bench/peers/gen/sboxagent/v1"
)

type input struct {
	// An encoded AgentStatus, in base64.
	Status string `json:"status"`
}

var peers = map[string]func(net.Listener, input) error{
	"grpc-unary":     grpcUnary,
	"connect-unary":  connectUnary,
	"gateway":        gateway,
	"grpc-broadcast": grpcBroadcast,
}

func (in input) status() (*pb.AgentStatus, error) {
	body, err := base64.StdEncoding.DecodeString(in.Status)
	if err != nil {
		return nil, err
	}
	status := &pb.AgentStatus{}
	return status, proto.Unmarshal(body, status)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 || peers[os.Args[1]] == nil {
		log.Fatal("usage: peers NAME INPUT")
	}
	var in input
	if err := json.Unmarshal([]byte(os.Args[2]), &in); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(peers[os.Args[1]](listener, in))
}
