package main

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"

	pb "sboxagent.bench/peers/gen/sboxagent/v1"
)

// Messages that may wait for a watcher; the publisher waits where they are more.
const queued = 1024

// events hands each event that is created to all who watch. Nothing is kept.
type events struct {
	pb.UnimplementedEventServiceServer
	mutex    sync.RWMutex
	last     int64
	watchers map[chan *pb.WatchEventsResponse]struct{}
}

func (e *events) WatchEvents(_ *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	messages := make(chan *pb.WatchEventsResponse, queued)
	e.mutex.Lock()
	e.watchers[messages] = struct{}{}
	first := &pb.WatchEventsResponse{Progress: &pb.WatchEventsResponse_Progress{Revision: e.last}, Revision: e.last}
	e.mutex.Unlock()
	defer func() {
		e.mutex.Lock()
		delete(e.watchers, messages)
		e.mutex.Unlock()
	}()
	if err := stream.Send(first); err != nil {
		return err
	}
	for {
		select {
		case message := <-messages:
			if err := stream.Send(message); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

func (e *events) CreateEvent(_ context.Context, request *pb.CreateEventRequest) (*pb.Event, error) {
	event := request.GetEvent()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.last++
	event.Revision = e.last
	message := &pb.WatchEventsResponse{Events: []*pb.Event{event}, Revision: e.last}
	for watcher := range e.watchers {
		watcher <- message
	}
	return event, nil
}

// grpcBroadcast is a bare grpc-go server that writes each event to all who watch.
func grpcBroadcast(listener net.Listener, _ input) error {
	server := grpc.NewServer(grpc.MaxConcurrentStreams(2000))
	pb.RegisterEventServiceServer(server, &events{watchers: map[chan *pb.WatchEventsResponse]struct{}{}})
	return server.Serve(listener)
}
