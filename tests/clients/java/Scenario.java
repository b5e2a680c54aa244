import com.google.api.gax.core.NoCredentialsProvider;
import com.google.api.gax.grpc.InstantiatingGrpcChannelProvider;
import com.google.api.gax.httpjson.InstantiatingHttpJsonChannelProvider;
import com.google.cloud.tasks.v2.CloudTasksClient;
import com.google.cloud.tasks.v2.CloudTasksSettings;
import com.google.cloud.tasks.v2.GetTaskRequest;
import com.google.cloud.tasks.v2.HttpMethod;
import com.google.cloud.tasks.v2.HttpRequest;
import com.google.cloud.tasks.v2.Queue;
import com.google.cloud.tasks.v2.RateLimits;
import com.google.cloud.tasks.v2.RetryConfig;
import com.google.cloud.tasks.v2.Task;
import com.google.gson.Gson;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.FieldMask;
import io.grpc.ManagedChannelBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Runs the shared scenario with Google's Java client and prints what each step saw.
 *
 * <p>Usage: Scenario grpc|rest PORT PARENT QUEUE_ID TARGET_URL
 */
final class Scenario {
  private final CloudTasksClient client;
  private final String parent;
  private final String queue;
  private final String queueId;
  private final String target;
  private final List<List<Object>> seen = new ArrayList<>();

  private Scenario(CloudTasksClient client, String parent, String queueId, String target) {
    this.client = client;
    this.parent = parent;
    this.queue = parent + "/queues/" + queueId;
    this.queueId = queueId;
    this.target = target;
  }

  public static void main(String[] args) throws Exception {
    if (args.length != 5) {
      throw new IllegalArgumentException("usage: grpc|rest PORT PARENT QUEUE_ID TARGET_URL");
    }
    try (CloudTasksClient client = connect(args[0], "127.0.0.1:" + args[1])) {
      Scenario scenario = new Scenario(client, args[2], args[3], args[4]);
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

  private void run() throws Exception {
    Queue created =
        client.createQueue(
            parent,
            Queue.newBuilder()
                .setName(queue)
                .setRateLimits(RateLimits.newBuilder().setMaxDispatchesPerSecond(5))
                .setRetryConfig(
                    RetryConfig.newBuilder()
                        .setMaxAttempts(3)
                        .setMinBackoff(Duration.newBuilder().setNanos(100_000_000)))
                .build());
    note("create", created.getState().name(), created.getRateLimits().getMaxDispatchesPerSecond());
    note(
        "create again",
        refuses(
            () -> client.createQueue(parent, Queue.newBuilder().setName(queue).build()),
            "Queue already exists"));

    RateLimits limits =
        client
            .updateQueue(
                Queue.newBuilder()
                    .setName(queue)
                    .setRateLimits(
                        RateLimits.newBuilder()
                            .setMaxDispatchesPerSecond(10)
                            .setMaxConcurrentDispatches(7))
                    .build(),
                FieldMask.newBuilder().addPaths("rate_limits.max_dispatches_per_second").build())
            .getRateLimits();
    note("update", limits.getMaxDispatchesPerSecond(), limits.getMaxConcurrentDispatches());
    note("pause", client.pauseQueue(queue).getState().name());

    Task task = create("ok");
    note("create task", id(task), task.getHttpRequest().getBody().size());
    create("flaky");
    note("list", ids());
    Task full =
        client.getTask(
            GetTaskRequest.newBuilder()
                .setName(task.getName())
                .setResponseView(Task.View.FULL)
                .build());
    note(
        "get",
        full.getHttpRequest().getHttpMethod().name(),
        full.getHttpRequest().getBody().toStringUtf8());
    note("run", client.runTask(task.getName()).getDispatchCount(), until(() -> isGone("ok")));
    note("resume", client.resumeQueue(queue).getState().name());
    note("retry", until(() -> isGone("flaky")));

    client.pauseQueue(queue);
    create("never");
    client.purgeQueue(queue);
    note("purge", until(() -> ids().isEmpty()));
    client.deleteQueue(queue);
    note("delete", refuses(() -> client.getQueue(queue), "Queue does not exist."));
  }

  private Task create(String id) {
    return client.createTask(
        queue,
        Task.newBuilder()
            .setName(queue + "/tasks/" + id)
            .setHttpRequest(
                HttpRequest.newBuilder()
                    .setUrl(target + "/" + id)
                    .setHttpMethod(HttpMethod.PUT)
                    .putHeaders("X-Scenario", queueId)
                    .setBody(ByteString.copyFromUtf8("hello")))
            .build());
  }

  private List<String> ids() {
    List<String> ids = new ArrayList<>();
    client.listTasks(queue).iterateAll().forEach(task -> ids.add(id(task)));
    ids.sort(null);
    return ids;
  }

  private boolean isGone(String id) {
    return refuses(() -> client.getTask(queue + "/tasks/" + id), "The task no longer exists");
  }

  private void note(Object... step) {
    seen.add(List.of(step));
  }

  private static String id(Task task) {
    return task.getName().substring(task.getName().lastIndexOf('/') + 1);
  }

  private static boolean refuses(Callable<?> call, String text) {
    try {
      call.call();
      return false;
    } catch (Exception refusal) {
      return says(refusal, text);
    }
  }

  /** Over REST the client has only the reason phrase; the server's message is in its cause. */
  private static boolean says(Throwable refusal, String text) {
    return refusal != null
        && (String.valueOf(refusal.getMessage()).contains(text) || says(refusal.getCause(), text));
  }

  private static boolean until(Callable<Boolean> done) throws Exception {
    for (int i = 0; i < 500; i++) {
      if (done.call()) {
        return true;
      }
      Thread.sleep(20);
    }
    return false;
  }
}
