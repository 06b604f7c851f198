#!/bin/bash
# Writes server.properties from the environment (KAFKA_A_B=x becomes a.b=x), formats the log folder once, and becomes the broker.
set -euo pipefail
conf=/var/lib/kafka/server.properties
export KAFKA_LOG_DIRS="${KAFKA_LOG_DIRS:-/var/lib/kafka/data}"
env | sed -n 's/^KAFKA_\([A-Z0-9_]*\)=/\1=/p' | grep -v '^HEAP_OPTS=' | while IFS='=' read -r name value; do
  echo "$(echo "$name" | tr 'A-Z_' 'a-z.')=$value"
done >"$conf"
if [ ! -e "$KAFKA_LOG_DIRS/meta.properties" ]; then
  java -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format -t "${CLUSTER_ID:-MkU3OEVBNTcwNTJENDM2Qk}" -c "$conf"
fi
# shellcheck disable=SC2086 # several options
exec java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' kafka.Kafka "$conf"
