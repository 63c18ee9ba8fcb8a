{{- /* The rest of a container that runs for a moment. Where NVIDIA's runtime is the node's default, it would look for a GPU that
       the image asks for, and refuse an image that is newer than the driver. {{ include "warmup.small" . }} */ -}}
{{- define "warmup.small" -}}
env:
  - name: NVIDIA_VISIBLE_DEVICES
    value: void
resources:
  requests:
    cpu: 1m
    memory: 8Mi
  limits:
    memory: 64Mi
securityContext:
  {{- include "warmup.confined" . | nindent 2 }}
volumeMounts:
  - name: tool
    mountPath: /tool
{{- end -}}
