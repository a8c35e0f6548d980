// A node of crucible's transport, and a caller of one, with grpc-go and descriptors by hand: the peer of
// runtime/transport/examples/cluster_node.rs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

type codec struct{}

func (codec) Marshal(v interface{}) ([]byte, error)      { return json.Marshal(v) }
func (codec) Unmarshal(data []byte, v interface{}) error { return json.Unmarshal(data, v) }
func (codec) Name() string                               { return "crucible-json" }
func (codec) String() string                             { return "crucible-json" }

type actorRef struct{ ID, SystemID, Src, Node string }

type deliverRequest struct {
	Ref   actorRef `json:"ref"`
	Event []byte   `json:"event,omitempty"`
}
type deliverResponse struct {
	Delivered bool `json:"delivered"`
}
type spawnRequest struct {
	Src   string `json:"src"`
	ID    string `json:"id"`
	Input []byte `json:"input,omitempty"`
}
type spawnResponse struct {
	Ref actorRef `json:"ref"`
}
type stateAtRequest struct {
	ID   string `json:"id"`
	Step int    `json:"step"`
}
type stateAtResponse struct {
	Snapshot []byte `json:"snapshot"`
}
type stepsRequest struct {
	ID string `json:"id"`
}
type stepsResponse struct {
	Steps []int64 `json:"steps"`
}

const (
	node       = "node-b"
	transport  = "crucible.transport.v1.Transport"
	timeTravel = "crucible.transport.v1.TimeTravel"
)

// One call after the other: no lock.
var running = map[string]bool{}

func deliver(r *deliverRequest) (interface{}, error) {
	var event string
	if err := json.Unmarshal(r.Event, &event); err != nil {
		return nil, fmt.Errorf("cluster: decode wire event for %q: %w", r.Ref.ID, err)
	}
	delivered := running[r.Ref.ID]
	if event == "finish" {
		delete(running, r.Ref.ID)
	}
	return &deliverResponse{delivered}, nil
}

func spawn(r *spawnRequest) (interface{}, error) {
	var input map[string]interface{}
	if len(r.Input) > 0 {
		if err := json.Unmarshal(r.Input, &input); err != nil {
			return nil, fmt.Errorf("cluster: decode wire input for %q: %w", r.ID, err)
		}
	}
	if r.Src != "worker" {
		return nil, fmt.Errorf("cluster: spawn of %q from %q on node %q did not start", r.ID, r.Src, node)
	}
	running[r.ID] = true
	return &spawnResponse{actorRef{ID: r.ID, Src: r.Src, Node: node}}, nil
}

func stateAt(r *stateAtRequest) (interface{}, error) {
	if r.ID != "counter-1" {
		return nil, errors.New("instance not found")
	}
	if r.Step < -1 || r.Step > 1 {
		return nil, errors.New("step out of range")
	}
	snapshot := fmt.Sprintf(`{"machine":"counter","context":{"n":%d}}`, r.Step+1)
	return &stateAtResponse{[]byte(snapshot)}, nil
}

func method(name string, call func(decode func(interface{}) error) (interface{}, error)) grpc.MethodDesc {
	handler := func(_ interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
		return call(decode)
	}
	return grpc.MethodDesc{MethodName: name, Handler: handler}
}

func serve(port string) {
	server := grpc.NewServer(grpc.CustomCodec(codec{}))
	server.RegisterService(&grpc.ServiceDesc{ServiceName: transport, HandlerType: (*interface{})(nil), Methods: []grpc.MethodDesc{
		method("Deliver", func(decode func(interface{}) error) (interface{}, error) {
			r := new(deliverRequest)
			if err := decode(r); err != nil {
				return nil, err
			}
			return deliver(r)
		}),
		method("Spawn", func(decode func(interface{}) error) (interface{}, error) {
			r := new(spawnRequest)
			if err := decode(r); err != nil {
				return nil, err
			}
			return spawn(r)
		}),
	}}, struct{}{})
	server.RegisterService(&grpc.ServiceDesc{ServiceName: timeTravel, HandlerType: (*interface{})(nil), Methods: []grpc.MethodDesc{
		method("StateAt", func(decode func(interface{}) error) (interface{}, error) {
			r := new(stateAtRequest)
			if err := decode(r); err != nil {
				return nil, err
			}
			return stateAt(r)
		}),
	}}, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	panic(server.Serve(listener))
}

func call(address string) {
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})))
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	invoke := func(what, id, path string, request, response interface{}, shown func() string) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := connection.Invoke(ctx, path, request, response); err != nil {
			fmt.Printf("%s %s: error: code %d\n", what, id, status.Code(err))
			return
		}
		fmt.Printf("%s %s: %s\n", what, id, shown())
	}
	for _, r := range []spawnRequest{
		{"worker", "w-1", []byte(`{"k":"<é>","n":1}`)}, {"worker", "w-2", nil}, {"nope", "w-3", nil}, {"worker", "w-4", []byte(`[]`)},
	} {
		var a spawnResponse
		invoke("spawn", r.ID, "/"+transport+"/Spawn", &r, &a, func() string {
			return fmt.Sprintf("%s %q %s %s", a.Ref.ID, a.Ref.SystemID, a.Ref.Src, a.Ref.Node)
		})
	}
	for _, r := range [][2]string{{"w-1", `"ping"`}, {"w-1", `"finish"`}, {"w-1", `"ping"`}, {"w-2", `42`}} {
		var a deliverResponse
		request := deliverRequest{actorRef{ID: r[0], Node: node}, []byte(r[1])}
		invoke("deliver", r[0], "/"+transport+"/Deliver", &request, &a, func() string { return fmt.Sprint(a.Delivered) })
	}
	for _, r := range []stateAtRequest{{"counter-1", -1}, {"counter-1", 1}, {"counter-1", 2}, {"nope", 0}} {
		var a stateAtResponse
		invoke("state", r.ID, "/"+timeTravel+"/StateAt", &r, &a, func() string { return string(a.Snapshot) })
	}
	var a stepsResponse
	invoke("steps", "counter-1", "/"+timeTravel+"/Steps", &stepsRequest{"counter-1"}, &a, func() string {
		text, _ := json.Marshal(a.Steps)
		return string(text)
	})
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "call":
		call(os.Args[2])
	default:
		panic("say: serve PORT, or call ADDRESS")
	}
}
