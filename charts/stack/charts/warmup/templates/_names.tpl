{{- /* Name of the graph. The release name of this chart is another: {{ include "warmup.graph" . }} */ -}}
{{- define "warmup.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "warmup.labels" (list . "images") }} */ -}}
{{- define "warmup.labels" -}}
{{- $root := index . 0 -}}
{{ include "warmup.selector" . }}
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
{{- with $root.Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Labels that tell the pods apart. They cannot change: {{ include "warmup.selector" (list . "images") }} */ -}}
{{- define "warmup.selector" -}}
app.kubernetes.io/name: warmup
app.kubernetes.io/instance: {{ include "warmup.graph" (index . 0) | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end -}}

{{- /* PriorityClass of the placeholders: the given one, or one of this graph's own. Such classes belong to the whole cluster, so
       the namespace is part of the name; dots keep the parts apart. A class's number cannot change, so another than the default is
       part of the name too, "m20" for -20: a name has no room for a minus there. {{ include "warmup.priorityClass" . }} */ -}}
{{- define "warmup.priorityClass" -}}
{{- $priority := int64 .Values.placeholders.priority -}}
{{- $number := eq $priority -10 | ternary "" (printf ".m%d" (sub 0 $priority)) -}}
{{- $own := printf "placeholder.%s.%s%s" (.Release.Namespace | default "default") (include "warmup.graph" .) $number -}}
{{- .Values.placeholders.priorityClass | default $own -}}
{{- end -}}

{{- /* Where the pods go, and what they may do, as lines of a pod's spec: {{ include "warmup.pod" . }} */ -}}
{{- define "warmup.pod" -}}
# They end when told to. With 0 the API server forgets a pod before its node does, and the scheduler, which may take the same
# pod away for two workers, then lets one of them wait for five minutes: https://github.com/kubernetes/kubernetes/issues/141694.
terminationGracePeriodSeconds: 5
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  fsGroup: 65534
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- /* What no container of this chart needs: {{ include "warmup.confined" . }} */ -}}
{{- define "warmup.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
