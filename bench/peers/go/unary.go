package main

import (
	"context"
	"net"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "sboxagent.bench/peers/gen/sboxagent/v1"
	"sboxagent.bench/peers/gen/sboxagent/v1/sboxagentv1connect"
)

// agent answers GetStatus with a status that it was given; each answer is encoded anew.
type agent struct {
	pb.UnimplementedAgentServiceServer
	answer *pb.AgentStatus
}

func (a *agent) GetStatus(context.Context, *pb.GetStatusRequest) (*pb.AgentStatus, error) {
	return a.answer, nil
}

// grpcUnary is a bare grpc-go server.
func grpcUnary(listener net.Listener, in input) error {
	status, err := in.status()
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pb.RegisterAgentServiceServer(server, &agent{answer: status})
	return server.Serve(listener)
}

type connectAgent struct {
	sboxagentv1connect.UnimplementedAgentServiceHandler
	answer *pb.AgentStatus
}

func (a *connectAgent) GetStatus(context.Context, *pb.GetStatusRequest) (*pb.AgentStatus, error) {
	return a.answer, nil
}

// connectUnary is a bare connect-go server over net/http, HTTP/2 without TLS.
func connectUnary(listener net.Listener, in input) error {
	status, err := in.status()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(sboxagentv1connect.NewAgentServiceHandler(&connectAgent{answer: status}))
	server := &http.Server{Handler: mux, Protocols: &http.Protocols{}}
	server.Protocols.SetUnencryptedHTTP2(true)
	return server.Serve(listener)
}

// gateway is grpc-gateway in front of a grpc-go server of the same process: REST in, gRPC behind.
func gateway(listener net.Listener, in input) error {
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go grpcUnary(behind, in)
	mux := runtime.NewServeMux()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := pb.RegisterAgentServiceHandlerFromEndpoint(context.Background(), mux, behind.Addr().String(), options); err != nil {
		return err
	}
	return http.Serve(listener, mux)
}
