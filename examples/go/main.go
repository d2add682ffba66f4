// Command sboxagent-go is a client of sboxagent in Go, made of nothing but the protos and grpc-go.
//
//	sboxagent-go [-target unix:/run/sboxagent/api.sock] [-token-file FILE] status
//	sboxagent-go … watch [-after REVISION] [-types 'process.**'] [-count N]
//
// It shows what every client needs: the unix socket or TCP with a token, errors by their reason, and a watch that goes on where it was when
// the agent comes back.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	pb "example.org/sboxagent-go/gen/sboxagent/v1"
)

// bearer sends the token along with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false: on loopback the agent speaks plain HTTP/2. Elsewhere use credentials.NewTLS and true.
func (bearer) RequireTransportSecurity() bool { return false }

func dial(target, tokenFile string) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// A peer that is gone without a word is noticed by its silence.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// The agent is called directly, whatever proxy the environment names.
		grpc.WithNoProxy(),
	}
	if tokenFile != "" {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(strings.TrimSpace(string(token)))))
	}
	return grpc.NewClient(target, options...)
}

// reason is the agent's own word for what went wrong (docs/errors.md), empty where the failure is not the agent's.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

func printStatus(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	agent, err := pb.NewAgentServiceClient(conn).GetStatus(ctx, &pb.GetStatusRequest{})
	if err != nil {
		return err
	}
	fmt.Printf("%s %s is %s\n", agent.Name, agent.Version, agent.Health)
	processes, err := pb.NewProcessServiceClient(conn).ListProcesses(ctx, &pb.ListProcessesRequest{})
	if err != nil {
		return err
	}
	for _, process := range processes.Processes {
		fmt.Printf("%s %s pid %d\n", process.Id, process.State, process.Pid)
	}
	return nil
}

type watchOptions struct {
	after int64
	types []string
	count int
}

// watch prints events, each once and in order, over restarts of the agent: it goes on after the revision of the last message.
func watch(ctx context.Context, conn *grpc.ClientConn, o watchOptions) error {
	events := pb.NewEventServiceClient(conn)
	revision, shown := o.after, 0
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		request := &pb.WatchEventsRequest{AfterRevision: &revision, Filter: &pb.EventFilter{Types: o.types}}
		stream, err := events.WatchEvents(ctx, request)
		for err == nil {
			var message *pb.WatchEventsResponse
			if message, err = stream.Recv(); err != nil {
				break
			}
			pause = 100 * time.Millisecond
			if gap := message.Gap; gap != nil {
				fmt.Printf("gap: %d events, revisions %d to %d\n", gap.Count, gap.FromRevision, gap.ToRevision)
			}
			for _, event := range message.Events {
				fmt.Printf("%d %s %s\n", event.Revision, event.Type, event.Subject)
				if shown++; shown == o.count {
					return nil
				}
			}
			revision = message.Revision
		}
		// What waiting cannot help ends it: the token, the filter, a revision that is gone.
		switch status.Code(err) {
		case codes.Unavailable, codes.Internal, codes.Unknown, codes.Canceled, codes.DeadlineExceeded, codes.ResourceExhausted:
		default:
			if !errors.Is(err, io.EOF) {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintln(os.Stderr, "the agent is away; trying again")
		time.Sleep(pause)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sboxagent-go", flag.ExitOnError)
	target := flags.String("target", "127.0.0.1:8080", "host:port or unix:PATH")
	tokenFile := flags.String("token-file", "", "file that holds the token; the unix socket needs none")
	_ = flags.Parse(args)
	conn, err := dial(*target, *tokenFile)
	if err != nil {
		return err
	}
	defer conn.Close()
	switch flags.Arg(0) {
	case "status":
		return printStatus(ctx, conn)
	case "watch":
		sub := flag.NewFlagSet("watch", flag.ExitOnError)
		after := sub.Int64("after", 0, "events after this revision; 0 from the oldest kept")
		types := sub.String("types", "**", "globs of types, separated by commas")
		count := sub.Int("count", 0, "end after so many; 0 never")
		_ = sub.Parse(flags.Args()[1:])
		return watch(ctx, conn, watchOptions{*after, strings.Split(*types, ","), *count})
	}
	return errors.New("say status or watch")
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "sboxagent-go: %s (%s %s)\n", status.Convert(err).Message(), status.Code(err), reason(err))
		os.Exit(1)
	}
}
