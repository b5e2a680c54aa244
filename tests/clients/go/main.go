// Command clients runs the shared scenario with Google's Go client and prints what each step saw.
//
// Usage: clients grpc|rest PORT PARENT QUEUE_ID TARGET_URL
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	cloudtasks "cloud.google.com/go/cloudtasks/apiv2"
	taskspb "cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

type scenario struct {
	client                         *cloudtasks.Client
	parent, queue, queueID, target string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: clients grpc|rest PORT PARENT QUEUE_ID TARGET_URL")
	}
	// Cloud Tasks refuses a call whose deadline is more than 30 seconds away.
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	client, err := connect(ctx, os.Args[1], "127.0.0.1:"+os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	s := scenario{client, os.Args[3], os.Args[3] + "/queues/" + os.Args[4], os.Args[4], os.Args[5]}
	seen, err := s.run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		log.Fatal(err)
	}
}

func connect(ctx context.Context, protocol, address string) (*cloudtasks.Client, error) {
	if protocol == "rest" {
		return cloudtasks.NewRESTClient(
			ctx, option.WithEndpoint("http://"+address), option.WithoutAuthentication())
	}
	return cloudtasks.NewClient(
		ctx, option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
}

func (s scenario) run(ctx context.Context) (seen [][]any, err error) {
	note := func(step string, values ...any) { seen = append(seen, append([]any{step}, values...)) }

	created, err := s.client.CreateQueue(ctx, &taskspb.CreateQueueRequest{
		Parent: s.parent,
		Queue: &taskspb.Queue{
			Name:       s.queue,
			RateLimits: &taskspb.RateLimits{MaxDispatchesPerSecond: 5},
			RetryConfig: &taskspb.RetryConfig{
				MaxAttempts: 3, MinBackoff: durationpb.New(100 * time.Millisecond)},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("create queue: %w", err)
	}
	note("create", created.State.String(), created.RateLimits.MaxDispatchesPerSecond)

	_, again := s.client.CreateQueue(ctx, &taskspb.CreateQueueRequest{
		Parent: s.parent, Queue: &taskspb.Queue{Name: s.queue}})
	note("create again", says(again, "Queue already exists"))

	updated, err := s.client.UpdateQueue(ctx, &taskspb.UpdateQueueRequest{
		Queue: &taskspb.Queue{
			Name: s.queue,
			RateLimits: &taskspb.RateLimits{
				MaxDispatchesPerSecond: 10, MaxConcurrentDispatches: 7},
		},
		UpdateMask: &fieldmaskpb.FieldMask{
			Paths: []string{"rate_limits.max_dispatches_per_second"}},
	})
	if err != nil {
		return nil, fmt.Errorf("update queue: %w", err)
	}
	limits := updated.RateLimits
	note("update", limits.MaxDispatchesPerSecond, limits.MaxConcurrentDispatches)

	paused, err := s.client.PauseQueue(ctx, &taskspb.PauseQueueRequest{Name: s.queue})
	if err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	note("pause", paused.State.String())

	task, err := s.create(ctx, "ok", "/ok")
	if err != nil {
		return nil, fmt.Errorf("create task: %w", err)
	}
	note("create task", path.Base(task.Name), len(task.GetHttpRequest().Body))
	if _, err := s.create(ctx, "flaky", "/flaky"); err != nil {
		return nil, fmt.Errorf("create task: %w", err)
	}
	ids, err := s.ids(ctx)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	note("list", ids)

	full, err := s.client.GetTask(ctx, &taskspb.GetTaskRequest{
		Name: task.Name, ResponseView: taskspb.Task_FULL})
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	note("get", full.GetHttpRequest().HttpMethod.String(), string(full.GetHttpRequest().Body))

	ran, err := s.client.RunTask(ctx, &taskspb.RunTaskRequest{Name: task.Name})
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	note("run", ran.DispatchCount, until(func() bool { return s.isGone(ctx, "ok") }))

	resumed, err := s.client.ResumeQueue(ctx, &taskspb.ResumeQueueRequest{Name: s.queue})
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	note("resume", resumed.State.String())
	note("retry", until(func() bool { return s.isGone(ctx, "flaky") }))

	if _, err := s.client.PauseQueue(ctx, &taskspb.PauseQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	if _, err := s.create(ctx, "never", "/never"); err != nil {
		return nil, fmt.Errorf("create task: %w", err)
	}
	if _, err := s.client.PurgeQueue(ctx, &taskspb.PurgeQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	note("purge", until(func() bool {
		left, err := s.ids(ctx)
		return err == nil && len(left) == 0
	}))

	if err := s.client.DeleteQueue(ctx, &taskspb.DeleteQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("delete: %w", err)
	}
	_, after := s.client.GetQueue(ctx, &taskspb.GetQueueRequest{Name: s.queue})
	note("delete", says(after, "Queue does not exist."))
	return seen, nil
}

func (s scenario) create(ctx context.Context, id, urlPath string) (*taskspb.Task, error) {
	return s.client.CreateTask(ctx, &taskspb.CreateTaskRequest{
		Parent: s.queue,
		Task: &taskspb.Task{
			Name: s.queue + "/tasks/" + id,
			MessageType: &taskspb.Task_HttpRequest{HttpRequest: &taskspb.HttpRequest{
				Url:        s.target + urlPath,
				HttpMethod: taskspb.HttpMethod_PUT,
				Headers:    map[string]string{"X-Scenario": s.queueID},
				Body:       []byte("hello"),
			}},
		},
	})
}

func (s scenario) ids(ctx context.Context) ([]string, error) {
	ids := []string{}
	tasks := s.client.ListTasks(ctx, &taskspb.ListTasksRequest{Parent: s.queue})
	for {
		task, err := tasks.Next()
		if err == iterator.Done {
			sort.Strings(ids)
			return ids, nil
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, path.Base(task.Name))
	}
}

func (s scenario) isGone(ctx context.Context, id string) bool {
	_, err := s.client.GetTask(ctx, &taskspb.GetTaskRequest{Name: s.queue + "/tasks/" + id})
	return says(err, "The task no longer exists")
}

func says(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

func until(done func() bool) bool {
	for range 500 {
		if done() {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}
