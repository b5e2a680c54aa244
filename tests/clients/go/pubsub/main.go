// The shared Pub/Sub scenario with Google's Go client: prints what each step saw, as JSON.
// Usage: PUBSUB_EMULATOR_HOST=host:port pubsub PROJECT
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var seen [][]any

func see(step string, facts ...any) { seen = append(seen, append([]any{step}, facts...)) }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// receive collects messages until there are enough, and acknowledges those that answer allows.
func receive(ctx context.Context, subscriber *pubsub.Subscriber, enough int,
	answer func(*pubsub.Message) bool) []string {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var lock sync.Mutex
	var data []string
	err := subscriber.Receive(ctx, func(_ context.Context, message *pubsub.Message) {
		lock.Lock()
		defer lock.Unlock()
		if answer(message) {
			message.Ack()
		} else {
			message.Nack()
		}
		data = append(data, string(message.Data))
		if len(data) == enough {
			cancel()
		}
	})
	if err != nil {
		panic(err)
	}
	return data
}

// acknowledged returns what becomes of the acknowledgements of two messages, one of which is purged
// before.
func acknowledged(ctx context.Context, client *pubsub.Client, name string) []string {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	subscriber := client.Subscriber(name)
	// One at a time, so that the purge takes only the second one.
	subscriber.ReceiveSettings.MaxOutstandingMessages = 1
	kinds := map[pubsub.AcknowledgeStatus]string{
		pubsub.AcknowledgeStatusSuccess:      "SUCCESS",
		pubsub.AcknowledgeStatusInvalidAckID: "INVALID_ACK_ID",
	}
	var outcomes []string
	err := subscriber.Receive(ctx, func(_ context.Context, message *pubsub.Message) {
		if string(message.Data) == "purged" {
			must(client.SubscriptionAdminClient.Seek(ctx, &pubsubpb.SeekRequest{
				Subscription: name,
				Target: &pubsubpb.SeekRequest_Time{
					Time: timestamppb.New(time.Now().Add(time.Hour))},
			}))
		}
		outcome, _ := message.AckWithResult().Get(ctx)
		outcomes = append(outcomes, fmt.Sprintf("%s: %s", message.Data, kinds[outcome]))
		if len(outcomes) == 2 {
			cancel()
		}
	})
	if err != nil {
		panic(err)
	}
	sort.Strings(outcomes)
	return outcomes
}

func main() {
	ctx := context.Background()
	project := os.Args[1]
	client := must(pubsub.NewClient(ctx, project))
	defer client.Close()
	topic := fmt.Sprintf("projects/%s/topics/reports", project)
	name := fmt.Sprintf("projects/%s/subscriptions/reports", project)
	topics, subscriptions := client.TopicAdminClient, client.SubscriptionAdminClient

	made := must(topics.CreateTopic(ctx, &pubsubpb.Topic{Name: topic}))
	_, err := topics.CreateTopic(ctx, &pubsubpb.Topic{Name: topic})
	see("topic", made.Name == topic, status.Code(err) == codes.AlreadyExists)

	subscription := must(subscriptions.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name:                  name,
		Topic:                 topic,
		EnableMessageOrdering: true,
		Filter:                `attributes.kind != "draft"`,
		RetryPolicy: &pubsubpb.RetryPolicy{
			MinimumBackoff: durationpb.New(0), MaximumBackoff: durationpb.New(time.Second)},
	}))
	see("subscription", subscription.AckDeadlineSeconds, subscription.EnableMessageOrdering)

	publisher := client.Publisher(topic)
	publisher.EnableMessageOrdering = true
	for number := range 20 {
		must(publisher.Publish(ctx, &pubsub.Message{
			Data: fmt.Appendf(nil, "free-%02d", number)}).Get(ctx))
	}
	must(publisher.Publish(ctx, &pubsub.Message{
		Data: []byte("draft"), Attributes: map[string]string{"kind": "draft"}}).Get(ctx))
	data := receive(ctx, client.Subscriber(name), 20, func(*pubsub.Message) bool { return true })
	sort.Strings(data)
	see("stream", len(data), data[0], data[19])

	for number := range 5 {
		publisher.Publish(ctx, &pubsub.Message{
			Data: fmt.Appendf(nil, "%d", number), OrderingKey: "key"})
	}
	publisher.Flush()
	failed := false
	data = receive(ctx, client.Subscriber(name), 6, func(message *pubsub.Message) bool {
		if string(message.Data) == "2" && !failed {
			failed = true
			return false
		}
		return true
	})
	see("order", data)

	must(publisher.Publish(ctx, &pubsub.Message{Data: []byte("late")}).Get(ctx))
	pulled := must(subscriptions.Pull(ctx, &pubsubpb.PullRequest{Subscription: name, MaxMessages: 10}))
	received := pulled.ReceivedMessages
	see("pull", len(received), string(received[0].Message.Data))
	err = subscriptions.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
		Subscription: name, AckIds: []string{received[0].AckId}})
	see("acknowledge", err == nil)

	exact := fmt.Sprintf("projects/%s/subscriptions/exact", project)
	must(subscriptions.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: exact, Topic: topic, EnableExactlyOnceDelivery: true}))
	for _, text := range []string{"in time", "purged"} {
		must(publisher.Publish(ctx, &pubsub.Message{Data: []byte(text)}).Get(ctx))
	}
	outcomes := acknowledged(ctx, client, exact)
	see("exactly once", outcomes[0], outcomes[1])

	err = subscriptions.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: name})
	_, missing := subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: name})
	see("delete", err == nil, status.Code(missing) == codes.NotFound)
	publisher.Stop()
	fmt.Println(string(must(json.Marshal(seen))))
}
