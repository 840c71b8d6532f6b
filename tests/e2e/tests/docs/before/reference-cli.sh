kubectl apply -f - <<'END'
apiVersion: sparkconnect.dev/v1alpha1
kind: SparkConnectServer
metadata: {name: demo}
spec: {version: 4.3.0, mode: Local, driver: {resources: {requests: {cpu: 100m}}}}
END
kubectl wait --for=condition=Ready --timeout=5m sparkconnectserver/demo
echo 'print("a report of", spark.range(7).count())' > report.py
