#!/bin/bash
# Starts what Spark on Kubernetes asks a container for: `executor` or `driver` with the settings that Spark puts in the environment.
# Anything else is run as it is.
set -euo pipefail

spark_home=${SPARK_HOME:-/opt/spark}
classpath="${SPARK_CONF_DIR:-$spark_home/conf}:$spark_home/jars/*"
if [ -n "${SPARK_EXTRA_CLASSPATH:-}" ]; then
  classpath="$SPARK_EXTRA_CLASSPATH:$classpath"
fi

# The values of SPARK_JAVA_OPT_0, SPARK_JAVA_OPT_1, … in that order.
java_options() {
  local n=0 name
  options=()
  while name=SPARK_JAVA_OPT_$n && [ -n "${!name+set}" ]; do
    options+=("${!name}")
    n=$((n + 1))
  done
}

case "${1:-}" in
executor)
  java_options
  exec tini -s -- "${JAVA_HOME:-/usr}/bin/java" "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
    -cp "$classpath" org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
    --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
    --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
  ;;
driver)
  shift
  exec tini -s -- "$spark_home/bin/spark-submit" --deploy-mode client \
    --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
    --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" "$@"
  ;;
*)
  exec "$@"
  ;;
esac
