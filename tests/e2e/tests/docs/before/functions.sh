# What the scripts of this folder have at hand.

# serve NAME PORT COMMAND…: runs COMMAND on this machine, as Service NAME of the namespace $in, by default the page's. FREE in it is the port that it is
# to listen at, which is in $free then.
serve() {
  local name=$1 port=$2
  shift 2
  free=$(python3 -c 'import socket; s = socket.create_server(("198.18.0.1", 0)); print(s.getsockname()[1])')
  "${@//FREE/$free}" >"$name.log" 2>&1 &
  timeout 60 bash -c "until exec 3<>/dev/tcp/198.18.0.1/$free; do sleep 0.2; done" 2>/dev/null || {
    cat "$name.log" >&2
    return 1
  }
  kubectl apply ${in:+--namespace "$in"} -f - <<END
apiVersion: v1
kind: Service
metadata: {name: $name}
spec: {ports: [{port: $port}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $name, labels: {kubernetes.io/service-name: $name}}
addressType: IPv4
endpoints: [{addresses: [198.18.0.1]}]
ports: [{port: $free}]
END
}

# volume CLAIM: a folder of this machine for a claim that the page makes.
volume() {
  local namespace
  namespace=$(kubectl config view --minify --output jsonpath='{..namespace}')
  volume=$namespace-$1
  mkdir --mode=777 "$HOME/$1"
  kubectl apply -f - <<END
apiVersion: v1
kind: PersistentVolume
metadata: {name: $volume}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: $namespace, name: $1}
  hostPath: {path: $HOME/$1}
END
  after() { kubectl delete persistentvolume "$volume" --wait=false; }
}
