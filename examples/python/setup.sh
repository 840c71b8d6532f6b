#!/usr/bin/env bash
# Makes the server of server.yaml in the namespace of kubectl's current context and waits until it serves; with --delete removes it.
set -euo pipefail

server=sparkconnectserver/spark-connect
patience=10m

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

usage() {
  echo "usage: setup.sh [--delete]"
  echo "Makes the server of server.yaml in the namespace of kubectl's current context; --delete removes it, and ends its sessions."
}

check() {
  command -v kubectl >/dev/null || fail "there is no kubectl" "install it and have it lead to a cluster"
  local kinds
  kinds=$(kubectl api-resources --api-group=sparkconnect.dev --output=name) ||
    fail "the cluster of the current context does not answer" "kubectl config get-contexts lists those that you have"
  [[ $kinds == *sparkconnectservers* ]] ||
    fail "sparkconnect is not installed on this cluster" "kubectl apply --server-side -k deploy/cluster-wide (deploy/README.md)"
}

# What is wrong is in the conditions; pods that cannot start are in the list.
explain() {
  local conditions='{range .status.conditions[?(@.status!="True")]}{.type}: {.message}{"\n"}{end}'
  kubectl get "$server" --output=jsonpath="$conditions" >&2
  kubectl get pods --selector=sparkconnect.dev/server=spark-connect >&2
  fail "the server is not ready after $patience" "the lines above say why; kubectl describe $server says more"
}

make() {
  kubectl apply --server-side --filename="$(dirname "$0")/server.yaml"
  echo "Waiting until it serves"
  kubectl wait --for=condition=Ready --timeout="$patience" "$server" >/dev/null || explain
  kubectl get "$server"
  cat <<'END'

Next, in this folder:
  python demo.py        what it can do, by itself
  python shell.py       a shell with a session in it, and the tutorial
  ./setup.sh --delete   removes the server
END
}

case "${1-}" in
"")
  check
  make
  ;;
--delete)
  check
  kubectl delete --ignore-not-found "$server"
  ;;
--help | -h) usage ;;
*)
  usage >&2
  exit 2
  ;;
esac
