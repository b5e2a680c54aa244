// Command leases runs the scenario of leases with Google's Go client of v2beta2 and prints what
// each step saw.
//
// Usage: leases grpc|rest PORT PARENT QUEUE_ID
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	cloudtasks "cloud.google.com/go/cloudtasks/apiv2beta2"
	taskspb "cloud.google.com/go/cloudtasks/apiv2beta2/cloudtaskspb"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

type scenario struct {
	client        *cloudtasks.Client
	parent, queue string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: leases grpc|rest PORT PARENT QUEUE_ID")
	}
	// Cloud Tasks refuses a call whose deadline is more than 30 seconds away.
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	client, err := connect(ctx, os.Args[1], "127.0.0.1:"+os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	s := scenario{client, os.Args[3], os.Args[3] + "/queues/" + os.Args[4]}
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
			TargetType: &taskspb.Queue_PullTarget{PullTarget: &taskspb.PullTarget{}},
			RetryConfig: &taskspb.RetryConfig{
				NumAttempts: &taskspb.RetryConfig_MaxAttempts{MaxAttempts: 2}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("create queue: %w", err)
	}
	note("create", created.GetPullTarget() != nil, created.RateLimits.MaxConcurrentTasks)

	for _, task := range [][2]string{{"a", "x"}, {"b", ""}, {"c", "x"}, {"d", "y"}} {
		if _, err := s.client.CreateTask(ctx, &taskspb.CreateTaskRequest{
			Parent: s.queue,
			Task: &taskspb.Task{
				Name: s.queue + "/tasks/" + task[0],
				PayloadType: &taskspb.Task_PullMessage{PullMessage: &taskspb.PullMessage{
					Payload: []byte(task[0]), Tag: task[1]}},
			},
		}); err != nil {
			return nil, fmt.Errorf("create task: %w", err)
		}
	}
	listed, err := s.listed(ctx)
	if err != nil {
		return nil, err
	}
	note("list", listed)

	first, err := s.lease(ctx, "tag_function=oldest_tag()", taskspb.Task_FULL)
	if err != nil || len(first) != 2 {
		return nil, fmt.Errorf("lease the oldest tag: %v, %w", first, err)
	}
	payloads, counts := []string{}, []int32{}
	for _, task := range first {
		payloads = append(payloads, string(task.GetPullMessage().Payload))
		counts = append(counts, task.Status.AttemptDispatchCount)
	}
	a, c := first[0], first[1]
	note("oldest tag", ids(first), payloads)
	note("attempts", counts, a.ScheduleTime.AsTime().Equal(c.ScheduleTime.AsTime()))
	x, err := s.lease(ctx, "tag=x", taskspb.Task_BASIC)
	if err != nil {
		return nil, fmt.Errorf("lease what is held: %w", err)
	}
	y, err := s.lease(ctx, "tag=y", taskspb.Task_BASIC)
	if err != nil {
		return nil, fmt.Errorf("lease another tag: %w", err)
	}
	note("held", ids(x), ids(y))

	renewed, err := s.client.RenewLease(ctx, &taskspb.RenewLeaseRequest{
		Name: a.Name, ScheduleTime: a.ScheduleTime, LeaseDuration: durationpb.New(2 * time.Minute)})
	if err != nil {
		return nil, fmt.Errorf("renew: %w", err)
	}
	note("renew", renewed.ScheduleTime.AsTime().After(a.ScheduleTime.AsTime()))
	note("old proof", refused(s.client.AcknowledgeTask(ctx, &taskspb.AcknowledgeTaskRequest{
		Name: a.Name, ScheduleTime: a.ScheduleTime})))
	proof := &taskspb.AcknowledgeTaskRequest{Name: a.Name, ScheduleTime: renewed.ScheduleTime}
	if err := s.client.AcknowledgeTask(ctx, proof); err != nil {
		return nil, fmt.Errorf("acknowledge: %w", err)
	}
	note("acknowledge again", refused(s.client.AcknowledgeTask(ctx, proof)))

	cancelled, err := s.client.CancelLease(ctx, &taskspb.CancelLeaseRequest{
		Name: c.Name, ScheduleTime: c.ScheduleTime})
	if err != nil {
		return nil, fmt.Errorf("cancel: %w", err)
	}
	note("cancel", cancelled.ScheduleTime.AsTime().Before(c.ScheduleTime.AsTime()))
	again, err := s.lease(ctx, "tag=x", taskspb.Task_BASIC)
	if err != nil || len(again) != 1 {
		return nil, fmt.Errorf("lease again: %v, %w", again, err)
	}
	note("again", ids(again), again[0].Status.AttemptDispatchCount)
	if _, err := s.client.CancelLease(ctx, &taskspb.CancelLeaseRequest{
		Name: c.Name, ScheduleTime: again[0].ScheduleTime}); err != nil {
		return nil, fmt.Errorf("cancel again: %w", err)
	}
	left, err := s.lease(ctx, "", taskspb.Task_BASIC)
	if err != nil {
		return nil, fmt.Errorf("lease the rest: %w", err)
	}
	if listed, err = s.listed(ctx); err != nil {
		return nil, err
	}
	note("used up", ids(left), listed)

	if _, err := s.client.PauseQueue(ctx, &taskspb.PauseQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	_, err = s.lease(ctx, "", taskspb.Task_BASIC)
	note("paused", refused(err))
	if _, err := s.client.ResumeQueue(ctx, &taskspb.ResumeQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	_, err = s.client.RunTask(ctx, &taskspb.RunTaskRequest{Name: s.queue + "/tasks/b"})
	note("run", refused(err))
	found, err := s.client.GetQueue(ctx, &taskspb.GetQueueRequest{
		Name: s.queue, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"stats"}}})
	if err != nil {
		return nil, fmt.Errorf("get queue: %w", err)
	}
	note("stats", found.Stats.TasksCount, found.Stats.ConcurrentDispatchesCount)

	if _, err := s.client.PurgeQueue(ctx, &taskspb.PurgeQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	if listed, err = s.listed(ctx); err != nil {
		return nil, err
	}
	note("purge", listed)
	if err := s.client.DeleteQueue(ctx, &taskspb.DeleteQueueRequest{Name: s.queue}); err != nil {
		return nil, fmt.Errorf("delete: %w", err)
	}
	_, err = s.lease(ctx, "", taskspb.Task_BASIC)
	note("delete", refused(err))
	return seen, nil
}

func (s scenario) lease(
	ctx context.Context, filter string, view taskspb.Task_View,
) ([]*taskspb.Task, error) {
	leased, err := s.client.LeaseTasks(ctx, &taskspb.LeaseTasksRequest{
		Parent: s.queue, MaxTasks: 10, LeaseDuration: durationpb.New(time.Minute),
		Filter: filter, ResponseView: view})
	return leased.GetTasks(), err
}

func (s scenario) listed(ctx context.Context) ([]string, error) {
	found := []*taskspb.Task{}
	tasks := s.client.ListTasks(ctx, &taskspb.ListTasksRequest{Parent: s.queue})
	for {
		task, err := tasks.Next()
		if err == iterator.Done {
			listed := ids(found)
			sort.Strings(listed)
			return listed, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		found = append(found, task)
	}
}

func ids(tasks []*taskspb.Task) []string {
	found := []string{}
	for _, task := range tasks {
		found = append(found, path.Base(task.Name))
	}
	return found
}

// refused returns the kind of an error: of gRPC the code, over REST the HTTP status.
func refused(err error) string {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return strings.ReplaceAll(http.StatusText(answer.Code), " ", "")
	}
	return status.Code(err).String()
}
