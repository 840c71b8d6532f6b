# What a run before has left.
kubectl delete namespace sparkconnect-private --ignore-not-found
