import com.google.api.gax.core.NoCredentialsProvider;
import com.google.api.gax.grpc.InstantiatingGrpcChannelProvider;
import com.google.api.gax.httpjson.InstantiatingHttpJsonChannelProvider;
import com.google.api.gax.rpc.ApiException;
import com.google.cloud.tasks.v2beta2.AcknowledgeTaskRequest;
import com.google.cloud.tasks.v2beta2.CancelLeaseRequest;
import com.google.cloud.tasks.v2beta2.CloudTasksClient;
import com.google.cloud.tasks.v2beta2.CloudTasksSettings;
import com.google.cloud.tasks.v2beta2.GetQueueRequest;
import com.google.cloud.tasks.v2beta2.LeaseTasksRequest;
import com.google.cloud.tasks.v2beta2.PullMessage;
import com.google.cloud.tasks.v2beta2.PullTarget;
import com.google.cloud.tasks.v2beta2.Queue;
import com.google.cloud.tasks.v2beta2.QueueStats;
import com.google.cloud.tasks.v2beta2.RenewLeaseRequest;
import com.google.cloud.tasks.v2beta2.RetryConfig;
import com.google.cloud.tasks.v2beta2.Task;
import com.google.gson.Gson;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.FieldMask;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import io.grpc.ManagedChannelBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Runs the scenario of leases with Google's Java client of v2beta2 and prints what each step saw.
 *
 * <p>Usage: Leases grpc|rest PORT PARENT QUEUE_ID
 */
final class Leases {
  private final CloudTasksClient client;
  private final String parent;
  private final String queue;
  private final List<List<Object>> seen = new ArrayList<>();

  private Leases(CloudTasksClient client, String parent, String queueId) {
    this.client = client;
    this.parent = parent;
    this.queue = parent + "/queues/" + queueId;
  }

  public static void main(String[] args) throws Exception {
    if (args.length != 4) {
      throw new IllegalArgumentException("usage: grpc|rest PORT PARENT QUEUE_ID");
    }
    try (CloudTasksClient client = connect(args[0], "127.0.0.1:" + args[1])) {
      Leases scenario = new Leases(client, args[2], args[3]);
      scenario.run();
      System.out.println(new Gson().toJson(scenario.seen));
    }
  }

  private static CloudTasksClient connect(String protocol, String address) throws Exception {
    CloudTasksSettings.Builder settings =
        protocol.equals("rest")
            ? CloudTasksSettings.newHttpJsonBuilder()
                .setTransportChannelProvider(
                    InstantiatingHttpJsonChannelProvider.newBuilder()
                        .setEndpoint("http://" + address)
                        .build())
            : CloudTasksSettings.newBuilder()
                .setTransportChannelProvider(
                    InstantiatingGrpcChannelProvider.newBuilder()
                        .setEndpoint(address)
                        .setChannelConfigurator(ManagedChannelBuilder::usePlaintext)
                        .build());
    settings.setCredentialsProvider(NoCredentialsProvider.create());
    return CloudTasksClient.create(settings.build());
  }

  private void run() {
    Queue created =
        client.createQueue(
            parent,
            Queue.newBuilder()
                .setName(queue)
                .setPullTarget(PullTarget.getDefaultInstance())
                .setRetryConfig(RetryConfig.newBuilder().setMaxAttempts(2))
                .build());
    note("create", created.hasPullTarget(), created.getRateLimits().getMaxConcurrentTasks());

    create("a", "x");
    create("b", "");
    create("c", "x");
    create("d", "y");
    note("list", listed());

    List<Task> first = lease("tag_function=oldest_tag()", Task.View.FULL);
    Task a = first.get(0);
    Task c = first.get(1);
    note(
        "oldest tag",
        ids(first),
        first.stream()
            .map(task -> task.getPullMessage().getPayload().toStringUtf8())
            .collect(Collectors.toList()));
    note(
        "attempts",
        first.stream()
            .map(task -> task.getStatus().getAttemptDispatchCount())
            .collect(Collectors.toList()),
        a.getScheduleTime().equals(c.getScheduleTime()));
    note("held", ids(lease("tag=x", Task.View.BASIC)), ids(lease("tag=y", Task.View.BASIC)));

    Task renewed =
        client.renewLease(
            RenewLeaseRequest.newBuilder()
                .setName(a.getName())
                .setScheduleTime(a.getScheduleTime())
                .setLeaseDuration(seconds(120))
                .build());
    note("renew", Timestamps.compare(renewed.getScheduleTime(), a.getScheduleTime()) > 0);
    note("old proof", refused(() -> acknowledge(a, a.getScheduleTime())));
    acknowledge(a, renewed.getScheduleTime());
    note("acknowledge again", refused(() -> acknowledge(a, renewed.getScheduleTime())));

    Task cancelled = cancel(c);
    note("cancel", Timestamps.compare(cancelled.getScheduleTime(), c.getScheduleTime()) < 0);
    List<Task> again = lease("tag=x", Task.View.BASIC);
    note("again", ids(again), again.get(0).getStatus().getAttemptDispatchCount());
    cancel(again.get(0));
    note("used up", ids(lease("", Task.View.BASIC)), listed());

    client.pauseQueue(queue);
    note("paused", refused(() -> lease("", Task.View.BASIC)));
    client.resumeQueue(queue);
    note("run", refused(() -> client.runTask(queue + "/tasks/b")));
    QueueStats stats =
        client
            .getQueue(
                GetQueueRequest.newBuilder()
                    .setName(queue)
                    .setReadMask(FieldMask.newBuilder().addPaths("stats"))
                    .build())
            .getStats();
    note("stats", stats.getTasksCount(), stats.getConcurrentDispatchesCount());

    client.purgeQueue(queue);
    note("purge", listed());
    client.deleteQueue(queue);
    note("delete", refused(() -> lease("", Task.View.BASIC)));
  }

  private void create(String id, String tag) {
    PullMessage message =
        PullMessage.newBuilder().setPayload(ByteString.copyFromUtf8(id)).setTag(tag).build();
    String name = queue + "/tasks/" + id;
    client.createTask(queue, Task.newBuilder().setName(name).setPullMessage(message).build());
  }

  private List<Task> lease(String filter, Task.View view) {
    return client
        .leaseTasks(
            LeaseTasksRequest.newBuilder()
                .setParent(queue)
                .setMaxTasks(10)
                .setLeaseDuration(seconds(60))
                .setFilter(filter)
                .setResponseView(view)
                .build())
        .getTasksList();
  }

  private void acknowledge(Task task, Timestamp proof) {
    client.acknowledgeTask(
        AcknowledgeTaskRequest.newBuilder()
            .setName(task.getName())
            .setScheduleTime(proof)
            .build());
  }

  private Task cancel(Task task) {
    return client.cancelLease(
        CancelLeaseRequest.newBuilder()
            .setName(task.getName())
            .setScheduleTime(task.getScheduleTime())
            .build());
  }

  private List<String> listed() {
    List<Task> tasks = new ArrayList<>();
    client.listTasks(queue).iterateAll().forEach(tasks::add);
    return ids(tasks).stream().sorted().collect(Collectors.toList());
  }

  private static List<String> ids(List<Task> tasks) {
    return tasks.stream()
        .map(task -> task.getName().substring(task.getName().lastIndexOf('/') + 1))
        .collect(Collectors.toList());
  }

  private static Duration seconds(long count) {
    return Duration.newBuilder().setSeconds(count).build();
  }

  /** Returns the code of a call's error as the other clients write it, "" when there is none. */
  private static String refused(Runnable call) {
    try {
      call.run();
      return "";
    } catch (ApiException error) {
      return Arrays.stream(error.getStatusCode().getCode().name().split("_"))
          .map(word -> word.charAt(0) + word.substring(1).toLowerCase(Locale.ROOT))
          .collect(Collectors.joining());
    }
  }

  private void note(Object... values) {
    seen.add(List.of(values));
  }
}
