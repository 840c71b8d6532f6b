{{- /* A step of uninstalling together with the resource definitions: a Job of the operator's image, run by Helm, with an account of its own.
Takes: root, what, hook, rules, namespaces (none: the whole cluster). */}}
{{- define "sparkconnect.removal" -}}
{{- $name := printf "sparkconnect-remove-%s" .what }}
{{- $labels := include "sparkconnect.labels" (dict "root" .root "name" "sparkconnect-remove") }}
{{- $subject := printf "kind: ServiceAccount\nname: %s\nnamespace: %q" $name .root.Release.Namespace }}
{{- $annotations := printf "helm.sh/hook: %s\nhelm.sh/hook-weight: \"-1\"\nhelm.sh/hook-delete-policy: before-hook-creation,hook-succeeded" .hook }}
{{- $rules := .rules }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- $labels | nindent 4 }}
  annotations:
    {{- $annotations | nindent 4 }}
{{- range .namespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "Role" "ClusterRole" (ne . "") }}
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- $labels | nindent 4 }}
  annotations:
    {{- $annotations | nindent 4 }}
rules:
  {{- $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "RoleBinding" "ClusterRoleBinding" (ne . "") }}
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- $labels | nindent 4 }}
  annotations:
    {{- $annotations | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "Role" "ClusterRole" (ne . "") }}
  name: {{ $name }}
subjects:
  - {{- $subject | nindent 4 }}
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- $labels | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 1
  template:
    metadata:
      labels:
        {{- $labels | nindent 8 }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ $name }}
      enableServiceLinks: false
      {{- include "sparkconnect.pullSecrets" .root | nindent 6 }}
      securityContext:
        {{- toYaml .root.Values.operator.podSecurityContext | nindent 8 }}
      {{- include "sparkconnect.scheduling" (dict "name" "sparkconnect-remove" "values" .root.Values.operator) | nindent 6 }}
      containers:
        - name: remove
          image: {{ include "sparkconnect.image" (dict "root" .root "image" .root.Values.operator.image) | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [--remove={{ .what }}]
          env:
            - name: POD_NAMESPACE
              valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
            - name: POD_NAME
              valueFrom: {fieldRef: {fieldPath: metadata.name}}
            {{- include "sparkconnect.commonEnv" .root | nindent 12 }}
          resources:
            {{- toYaml .root.Values.operator.resources | nindent 12 }}
          securityContext:
            {{- toYaml .root.Values.operator.securityContext | nindent 12 }}
{{- end }}

{{- /* What removing every server and session takes. */}}
{{- define "sparkconnect.removalOfResources" -}}
- apiGroups: [sparkconnect.dev]
  resources: [sparkconnectservers, sparksessions]
  verbs: [list, delete]
{{- end }}

{{- /* What removing the operator's own Secrets and its Lease takes. */}}
{{- define "sparkconnect.removalOfState" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [sparkconnect-installation-key, sparkconnect-gateway-ca, sparkconnect-gateway-control, sparkconnect-gateway-tls]
  verbs: [get, delete]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [sparkconnect-operator]
  verbs: [delete]
{{- end }}
