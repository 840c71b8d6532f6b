# A server and a session that are well, and a server that misses a Secret.
kubectl apply -f - <<'END'
apiVersion: sparkconnect.dev/v1alpha1
kind: SparkConnectServer
metadata: {name: demo}
spec: {version: 4.3.0, mode: Local, driver: {resources: {requests: {cpu: 100m}}}}
---
apiVersion: sparkconnect.dev/v1alpha1
kind: SparkConnectServer
metadata: {name: unready}
spec:
  version: 4.3.0
  mode: Local
  driver: {resources: {requests: {cpu: 100m}}}
  inject: {secrets: [{name: lake, as: Env}]}
---
apiVersion: sparkconnect.dev/v1alpha1
kind: SparkSession
metadata: {name: ada}
spec: {server: demo}
END
kubectl wait --for=condition=InputsResolved=false --timeout=1m sparkconnectserver/unready
kubectl wait --for=condition=Ready --timeout=5m sparksession/ada
