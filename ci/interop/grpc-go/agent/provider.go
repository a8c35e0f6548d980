package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "interop/provider"
)

// A provider: registers, says that it is alive, and is told to leave.
type Provider struct {
	command *Command
	client  pb.ModuleProviderClient
	stream  pb.ModuleProvider_ControlPlaneClient
	cancel  context.CancelFunc
	// What is sent claims to be of this connection.
	connection string

	lock    sync.Mutex
	acks    int
	reports [][]string
	drain   Answer
	ended   *string
}

var providers = struct {
	sync.Mutex
	of map[string]*Provider
}{of: map[string]*Provider{}}

func register(command *Command) (Answer, error) {
	channel, err := channel(command)
	if err != nil {
		return nil, err
	}
	text := &pb.TypeSchema{Type: &pb.TypeSchema_Primitive{
		Primitive: &pb.PrimitiveType{Kind: pb.PrimitiveType_STRING},
	}}
	record := &pb.TypeSchema{Type: &pb.TypeSchema_Record{
		Record: &pb.RecordType{Fields: map[string]*pb.TypeSchema{"text": text}},
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	options := []grpc.CallOption{grpc.WaitForReady(true)}
	if command.Gzip {
		options = append(options, grpc.UseCompressor("gzip"))
	}
	client := pb.NewModuleProviderClient(channel)
	answer, err := client.Register(ctx, &pb.RegisterRequest{
		Namespace: command.Namespace,
		Modules: []*pb.ModuleDeclaration{{
			Name: "Do", InputSchema: record, OutputSchema: record, Version: "1.0.0",
		}},
		ProtocolVersion: 1,
		ExecutorUrl:     command.Executor,
		GroupId:         command.Group,
	}, options...)
	if err != nil {
		return nil, err
	}
	reasons := []string{}
	for _, result := range answer.Results {
		reasons = append(reasons, result.RejectionReason)
	}
	if answer.Success {
		provider := &Provider{command: command, client: client, connection: answer.ConnectionId}
		if command.Claim != "" {
			provider.connection = command.Claim
		}
		if err := provider.open(); err != nil {
			return nil, err
		}
		providers.Lock()
		providers.of[answer.ConnectionId] = provider
		providers.Unlock()
	}
	return Answer{"success": answer.Success, "reasons": reasons, "connection": answer.ConnectionId}, nil
}

func (provider *Provider) open() (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	provider.cancel = cancel
	if provider.stream, err = provider.client.ControlPlane(ctx); err != nil {
		return err
	}
	go provider.beat()
	go provider.listen()
	return nil
}

// One at a time may send on a stream.
func (provider *Provider) say(message *pb.ControlMessage) error {
	provider.lock.Lock()
	defer provider.lock.Unlock()
	message.ProtocolVersion, message.ConnectionId = 1, provider.connection
	return provider.stream.Send(message)
}

func (provider *Provider) beat() {
	pause := provider.command.Heartbeat
	if pause == 0 {
		pause = 1000
	}
	for {
		now := time.Now().UnixNano() / 1_000_000
		heartbeat := &pb.Heartbeat{Namespace: provider.command.Namespace, Timestamp: now}
		message := &pb.ControlMessage{Payload: &pb.ControlMessage_Heartbeat{Heartbeat: heartbeat}}
		if provider.say(message) != nil {
			return
		}
		time.Sleep(millis(pause))
	}
}

func (provider *Provider) listen() {
	for {
		message, err := provider.stream.Recv()
		if err != nil {
			ended := names[status.Code(err)]
			if err == io.EOF {
				ended = "OK"
			}
			provider.lock.Lock()
			provider.ended = &ended
			provider.lock.Unlock()
			return
		}
		provider.lock.Lock()
		if message.GetHeartbeatAck() != nil {
			provider.acks++
		}
		if report := message.GetActiveModulesReport(); report != nil {
			provider.reports = append(provider.reports, report.ActiveModules)
		}
		drain := message.GetDrainRequest()
		if drain != nil {
			provider.drain = Answer{"reason": drain.Reason, "deadline_ms": drain.DeadlineMs}
		}
		provider.lock.Unlock()
		if drain != nil {
			payload := &pb.ControlMessage_DrainAck{DrainAck: &pb.DrainAck{Accepted: true}}
			_ = provider.say(&pb.ControlMessage{Payload: payload})
		}
	}
}

func known(command *Command) (*Provider, error) {
	providers.Lock()
	defer providers.Unlock()
	provider, ok := providers.of[command.Connection]
	if !ok {
		return nil, fmt.Errorf("there is no provider %s", command.Connection)
	}
	return provider, nil
}

func state(command *Command) (Answer, error) {
	provider, err := known(command)
	if err != nil {
		return nil, err
	}
	provider.lock.Lock()
	defer provider.lock.Unlock()
	reports := append([][]string{}, provider.reports...)
	return Answer{
		"acks": provider.acks, "reports": reports, "drain": provider.drain, "ended": provider.ended,
	}, nil
}

// As the protocol asks for, or by ending the stream in one way or another.
func leave(command *Command) (Answer, error) {
	provider, err := known(command)
	if err != nil {
		return nil, err
	}
	switch command.How {
	case "deregister":
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		answer, err := provider.client.Deregister(ctx, &pb.DeregisterRequest{
			Namespace: provider.command.Namespace, ModuleNames: []string{"Do"}, ConnectionId: command.Connection,
		})
		return Answer{"success": answer.GetSuccess()}, err
	case "half_close":
		provider.lock.Lock()
		defer provider.lock.Unlock()
		return Answer{"success": true}, provider.stream.CloseSend()
	default:
		provider.cancel()
		return Answer{"success": true}, nil
	}
}
