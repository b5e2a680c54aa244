# Cloud Tasks in a container: gRPC on 8123, REST on 8124, state in /state.
# With `--pubsub-port 8085`, also Pub/Sub on 8085.
#   docker run -p 127.0.0.1:8123:8123 -p 127.0.0.1:8124:8124 queuewright \
#     --queue projects/p/locations/l/queues/q
FROM python:3.12-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt "$(echo /tmp/wheels/*.whl)[pubsub]" \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home queuewright \
    && install --directory --owner=queuewright /state
USER queuewright
WORKDIR /state
VOLUME /state
EXPOSE 8123 8124 8085
STOPSIGNAL SIGINT
ENTRYPOINT ["queuewright", "emulator", "--host", "0.0.0.0", "--state", "/state"]
