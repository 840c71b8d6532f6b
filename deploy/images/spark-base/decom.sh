#!/bin/bash
# The hook that Kubernetes runs before it stops an executor: tells Spark to move its blocks away (SIGPWR), then waits until it has gone.
set -euo pipefail

executor=$(pgrep -o -f org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend) || exit 0
kill -s PWR "$executor"
exec timeout 60 tail --pid="$executor" -f /dev/null
