package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"interop/health"
	"interop/module"
	reflection "interop/reflection"
)

var channels = struct {
	sync.Mutex
	of map[[2]string]*grpc.ClientConn
}{of: map[[2]string]*grpc.ClientConn{}}

func millis(count int) time.Duration {
	return time.Duration(count) * time.Millisecond
}

// Commands with the same target and the same channel share one.
func channel(command *Command) (*grpc.ClientConn, error) {
	channels.Lock()
	defer channels.Unlock()
	key := [2]string{command.Target, command.Channel}
	if channel, ok := channels.of[key]; ok {
		return channel, nil
	}
	again := backoff.Config{BaseDelay: millis(100), Multiplier: 1.6, Jitter: 0.2, MaxDelay: millis(500)}
	options := []grpc.DialOption{
		grpc.WithInsecure(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: 5 * time.Second}),
	}
	if command.MaxReceive > 0 {
		options = append(options, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(command.MaxReceive)))
	}
	if command.KeepAlive > 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                millis(command.KeepAlive),
			PermitWithoutStream: true,
		}))
	}
	channel, err := grpc.Dial(command.Target, options...)
	if err == nil {
		channels.of[key] = channel
	}
	return channel, err
}

// One call, and how it ended.
type Result struct {
	code, message, data, err string
	headers, trailers        metadata.MD
	took                     time.Duration
}

func (result *Result) answer() Answer {
	return Answer{
		"code": result.code, "message": result.message, "data": result.data, "error": result.err,
		"headers": pairs(result.headers), "trailers": pairs(result.trailers), "ms": result.took.Milliseconds(),
	}
}

func invoke(command *Command) (*Result, error) {
	channel, err := channel(command)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if command.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, millis(command.Timeout))
		defer cancel()
	}
	if command.Cancel > 0 {
		time.AfterFunc(millis(command.Cancel), cancel)
	}
	for _, pair := range command.Metadata {
		value := pair[1]
		if isBinary(pair[0]) {
			bytes, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return nil, err
			}
			value = string(bytes)
		}
		ctx = metadata.AppendToOutgoingContext(ctx, pair[0], value)
	}
	result := &Result{}
	options := []grpc.CallOption{
		grpc.WaitForReady(command.Wait), grpc.Header(&result.headers), grpc.Trailer(&result.trailers),
	}
	if command.Gzip {
		options = append(options, grpc.UseCompressor("gzip"))
	}
	client := module.NewModuleServiceClient(channel)
	began := time.Now()
	if command.Method == "Send" {
		var answer *module.Response
		request := &module.Message{To: command.To, Data: []byte(command.Data), Metadata: command.Map}
		if answer, err = client.Send(ctx, request, options...); err == nil {
			result.data, result.err = string(answer.Data), answer.Error
		}
	} else {
		var answer *module.MessageResponse
		request := &module.MessageRequest{To: command.To, Payload: []byte(command.Data)}
		if answer, err = client.Message(ctx, request, options...); err == nil {
			result.data = string(answer.Data)
		}
	}
	result.took = time.Since(began)
	result.code, result.message = names[status.Code(err)], status.Convert(err).Message()
	return result, nil
}

func call(command *Command) (Answer, error) {
	result, err := invoke(command)
	if err != nil {
		return nil, err
	}
	return result.answer(), nil
}

// So many callers, one call after the other each, for so long.
func load(command *Command) (Answer, error) {
	var lock sync.Mutex
	var callers sync.WaitGroup
	counts, errors := map[string]int{}, []string{}
	left, end := command.Calls, time.Now().Add(millis(command.Millis))
	if left == 0 {
		left = 1_000_000
	}
	more := func() bool {
		lock.Lock()
		defer lock.Unlock()
		left--
		return left >= 0 && time.Now().Before(end)
	}
	caller := func() {
		defer callers.Done()
		for more() {
			result, err := invoke(command)
			lock.Lock()
			code, message := "FAILED", fmt.Sprint(err)
			if err == nil {
				code, message = result.code, result.message
				if result.err != "" {
					code, message = "IN_BAND", result.err
				}
			}
			counts[code]++
			if code != "OK" && len(errors) < 3 {
				errors = append(errors, code+": "+message)
			}
			lock.Unlock()
			time.Sleep(millis(command.Gap))
		}
	}
	for count := 0; count < command.Callers; count++ {
		callers.Add(1)
		go caller()
	}
	callers.Wait()
	return Answer{"counts": counts, "errors": errors}, nil
}

func unknown(command *Command) (Answer, error) {
	channel, err := channel(command)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = channel.Invoke(ctx, command.Path, &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
	return Answer{"code": names[status.Code(err)], "message": status.Convert(err).Message()}, nil
}

func healthOf(command *Command) (statuses []string, err error) {
	channel, err := channel(command)
	if err != nil {
		return nil, err
	}
	client, request := health.NewHealthClient(channel), &health.HealthCheckRequest{Service: command.Service}
	statuses = []string{}
	if !command.Watch {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		answer, err := client.Check(ctx, request)
		if err == nil {
			statuses = append(statuses, answer.Status.String())
		}
		return statuses, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(millis(command.Millis), cancel)
	watch, err := client.Watch(ctx, request)
	for err == nil {
		var update *health.HealthCheckResponse
		if update, err = watch.Recv(); err == nil {
			statuses = append(statuses, update.Status.String())
		}
	}
	return statuses, err
}

func healthy(command *Command) (Answer, error) {
	statuses, err := healthOf(command)
	code := names[status.Code(err)]
	switch {
	case err == io.EOF:
		code = "OK"
	case command.Watch && status.Code(err) == codes.Canceled:
		// Our own cancellation says that it was open until then.
		code = "OPEN"
	}
	return Answer{"statuses": statuses, "code": code}, nil
}

// The two versions differ in nothing but their names.
func reflect(command *Command) (Answer, error) {
	channel, err := channel(command)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	description := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	path := fmt.Sprintf("/grpc.reflection.%s.ServerReflection/ServerReflectionInfo", command.Version)
	stream, err := channel.NewStream(ctx, description, path)
	if err != nil {
		return nil, err
	}
	services, files := []string{}, 0
	for _, request := range []*reflection.ServerReflectionRequest{
		{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}},
		{MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: command.Symbol}},
	} {
		if err := stream.SendMsg(request); err != nil {
			return nil, err
		}
		answer := &reflection.ServerReflectionResponse{}
		if err := stream.RecvMsg(answer); err != nil {
			return nil, err
		}
		for _, service := range answer.GetListServicesResponse().GetService() {
			services = append(services, service.Name)
		}
		files += len(answer.GetFileDescriptorResponse().GetFileDescriptorProto())
	}
	return Answer{"services": services, "files": files}, stream.CloseSend()
}
