{{- /* Spec of the Job: {{ include "fault-injection.jobSpec" . }} */ -}}
{{- define "fault-injection.jobSpec" -}}
# What was broken once is not broken a second time because the first try failed.
backoffLimit: 0
activeDeadlineSeconds: {{ include "fault-injection.deadline" . }}
template:
  metadata:
    labels:
      {{- include "fault-injection.labels" . | nindent 6 }}
    annotations:
      # Part of the Job's name by way of this text, so that another run is another Job.
      fault-injection/run: {{ int64 .Values.run | quote }}
  spec:
    {{- include "fault-injection.podSpec" (list . "run") | nindent 4 }}
{{- end -}}

{{- /* A Job that undoes what a run has broken, before Helm takes away its rights with the release: Helm does not wait until
       the run has done so itself. {{ include "fault-injection.undoJob" . }} */ -}}
{{- define "fault-injection.undoJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ printf "%s-undo" (include "fault-injection.name" .) | quote }}
  labels:
    {{- include "fault-injection.labels" . | nindent 4 }}
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
    helm.sh/hook-output-log-policy: hook-failed
    {{- with $.Values.global.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 240
  template:
    metadata:
      labels:
        {{- include "fault-injection.labels" . | nindent 8 }}
    spec:
      {{- include "fault-injection.podSpec" (list . "undo") | nindent 6 }}
{{- end -}}

{{- /* Spec of the pod that runs or undoes the experiments: {{ include "fault-injection.podSpec" (list . "run") }} */ -}}
{{- define "fault-injection.podSpec" -}}
{{- $root := index . 0 -}}
restartPolicy: Never
serviceAccountName: {{ include "fault-injection.name" $root | quote }}
# What it may do is in its Role, which holds no more than the experiments need.
automountServiceAccountToken: true
enableServiceLinks: false
# Time to undo what is broken when the Job is stopped.
terminationGracePeriodSeconds: 180
securityContext:
  {{- include "fault-injection.podSecurity" $root | nindent 2 }}
containers:
  - name: faults
    image: {{ $root.Values.image | quote }}
    imagePullPolicy: IfNotPresent
    command: [python, -B, /scripts/run.py, {{ index . 1 }}]
    env:
      - name: POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      - name: POD_UID
        valueFrom:
          fieldRef:
            fieldPath: metadata.uid
      - name: SETTINGS
        value: {{ include "fault-injection.settings" $root | quote }}
      - name: URL
        value: {{ printf "http://%s-frontend:8000" (include "fault-injection.graph" $root) | quote }}
    resources:
      {{- include "fault-injection.resources" $root | nindent 6 }}
    securityContext:
      {{- include "fault-injection.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - name: scripts
        mountPath: /scripts
        readOnly: true
volumes:
  - name: scripts
    configMap:
      name: {{ include "fault-injection.name" $root | quote }}
{{- end -}}

{{- /* What the script is told, as JSON. Its table lies in the ConfigMap: a better word there is no reason to break things
       anew. {{ include "fault-injection.settings" . }} */ -}}
{{- define "fault-injection.settings" -}}
{{- $settings := dict "graph" (include "fault-injection.graph" .) "model" (.Values.global.model | default "") -}}
{{- $_ := set $settings "acknowledge" .Values.acknowledge -}}
{{- $_ := set $settings "allowedNamespaces" .Values.allowedNamespaces -}}
{{- $_ := set $settings "experiments" .Values.experiments -}}
{{- toJson $settings -}}
{{- end -}}

{{- /* Requests and limits of a container: {{ include "fault-injection.resources" . }} */ -}}
{{- define "fault-injection.resources" -}}
requests:
  cpu: 100m
  memory: 256Mi
limits:
  memory: 256Mi
{{- end -}}

{{- /* As whom the pods run: {{ include "fault-injection.podSecurity" . }} */ -}}
{{- define "fault-injection.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* What a container may do: {{ include "fault-injection.containerSecurity" . }} */ -}}
{{- define "fault-injection.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
