package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"interop/module"
	"interop/provider"
)

// What the data of a call says that its handler is to do.
type Order struct {
	Mark   string `json:"mark"`
	Sleep  int    `json:"sleep"`
	Status int    `json:"status"`
	Text   string `json:"text"`
	Blob   int    `json:"blob"`
}

// A call with a mark, as its handler saw it.
type Seen struct {
	Mark     string            `json:"mark"`
	Method   string            `json:"method"`
	Deadline *int64            `json:"deadline_ms"`
	Map      map[string]string `json:"map"`
	Metadata [][2]string       `json:"metadata"`
	Ended    *string           `json:"ended"`
	Millis   int64             `json:"ms"`
}

type Server struct {
	grpc *grpc.Server
	lock sync.Mutex
	seen []*Seen
}

var servers = struct {
	sync.Mutex
	of map[int]*Server
}{of: map[int]*Server{}}

func (server *Server) Send(ctx context.Context, request *module.Message) (*module.Response, error) {
	data, err := server.work(ctx, "Send", request.Data, request.Metadata)
	return &module.Response{Data: data}, err
}

func (server *Server) Message(ctx context.Context, request *module.MessageRequest) (*module.MessageResponse, error) {
	data, err := server.work(ctx, "Message", request.Payload, nil)
	return &module.MessageResponse{Data: data}, err
}

// A CValue, as far as it is used here.
type value struct {
	Tag       string      `json:"tag"`
	Value     interface{} `json:"value,omitempty"`
	Structure interface{} `json:"structure,omitempty"`
}

func (server *Server) Execute(
	ctx context.Context, request *constellation_provider_v1.ExecuteRequest,
) (*constellation_provider_v1.ExecuteResponse, error) {
	var input struct {
		Value struct{ Text struct{ Value string } }
	}
	if err := json.Unmarshal(request.InputData, &input); err != nil {
		return nil, err
	}
	data, err := server.work(ctx, "Execute", []byte(input.Value.Text.Value), request.Metadata)
	if err != nil {
		return nil, err
	}
	output, err := json.Marshal(value{
		Tag:       "CProduct",
		Value:     map[string]value{"text": {Tag: "CString", Value: string(data)}},
		Structure: map[string]value{"text": {Tag: "CString"}},
	})
	result := &constellation_provider_v1.ExecuteResponse_OutputData{OutputData: output}
	return &constellation_provider_v1.ExecuteResponse{Result: result}, err
}

// Does what the data says, and keeps what was seen of calls that have a mark.
func (server *Server) work(
	ctx context.Context, method string, data []byte, fields map[string]string,
) ([]byte, error) {
	order := Order{}
	if json.Unmarshal(data, &order) != nil {
		return data, nil
	}
	call := &Seen{Mark: order.Mark, Method: method, Map: fields}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline).Milliseconds()
		call.Deadline = &left
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	call.Metadata = pairs(incoming)
	if order.Mark != "" {
		server.lock.Lock()
		server.seen = append(server.seen, call)
		server.lock.Unlock()
	}
	if order.Sleep > 0 {
		began, ended := time.Now(), "slept"
		select {
		case <-time.After(millis(order.Sleep)):
		case <-ctx.Done():
			ended = "cancelled"
		}
		server.lock.Lock()
		call.Ended, call.Millis = &ended, time.Since(began).Milliseconds()
		server.lock.Unlock()
		if ctx.Err() != nil {
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	if order.Status > 0 {
		return nil, status.Error(codes.Code(order.Status), order.Text)
	}
	if order.Blob > 0 {
		return []byte(`"` + strings.Repeat("x", order.Blob) + `"`), nil
	}
	return data, nil
}

// A service without the method Send.
var onlyMessage = grpc.ServiceDesc{
	ServiceName: "module.ModuleService",
	HandlerType: (*module.ModuleServiceServer)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Message",
		Handler: func(
			server interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor,
		) (interface{}, error) {
			request := &module.MessageRequest{}
			if err := decode(request); err != nil {
				return nil, err
			}
			return server.(*Server).Message(ctx, request)
		},
	}},
}

func serve(command *Command) (Answer, error) {
	options := []grpc.ServerOption{}
	if command.Streams > 0 {
		options = append(options, grpc.MaxConcurrentStreams(command.Streams))
	}
	if command.Age > 0 {
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      millis(command.Age),
			MaxConnectionAgeGrace: millis(command.AgeGrace),
		}))
	}
	if command.Gzip {
		// Newer versions have a way that looks at what the client takes; this one has not.
		options = append(options, grpc.RPCCompressor(grpc.NewGZIPCompressor()))
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", command.Port))
	if err != nil {
		return nil, err
	}
	server := &Server{grpc: grpc.NewServer(options...)}
	if command.OnlyMessage {
		server.grpc.RegisterService(&onlyMessage, server)
	} else {
		module.RegisterModuleServiceServer(server.grpc, server)
	}
	constellation_provider_v1.RegisterModuleExecutorServer(server.grpc, server)
	go server.grpc.Serve(listener)
	port := listener.Addr().(*net.TCPAddr).Port
	servers.Lock()
	defer servers.Unlock()
	servers.of[port] = server
	return Answer{"port": port}, nil
}

func of(port int) *Server {
	servers.Lock()
	defer servers.Unlock()
	return servers.of[port]
}

func stop(command *Command) (Answer, error) {
	server := of(command.Port).grpc
	if command.Grace > 0 {
		defer time.AfterFunc(millis(command.Grace), server.Stop).Stop()
		server.GracefulStop()
	} else {
		server.Stop()
	}
	return Answer{}, nil
}

func seen(command *Command) (Answer, error) {
	server, calls := of(command.Port), []Seen{}
	server.lock.Lock()
	defer server.lock.Unlock()
	for _, call := range server.seen {
		if call.Mark == command.Mark {
			calls = append(calls, *call)
		}
	}
	return Answer{"calls": calls}, nil
}
