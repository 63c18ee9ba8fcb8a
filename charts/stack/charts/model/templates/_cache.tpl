{{- /* Not empty when there is a volume for the weights; the mocker has no weights: {{ include "model.cached" . }} */ -}}
{{- define "model.cached" -}}
{{- if and .Values.cache.enabled (not .Values.mocker) -}}
true
{{- end -}}
{{- end -}}

{{- /* Not empty when this chart makes that volume and downloads into it: {{ include "model.downloaded" . }} */ -}}
{{- define "model.downloaded" -}}
{{- if and (include "model.cached" .) (not .Values.cache.claim) -}}
true
{{- end -}}
{{- end -}}

{{- /* Claim of the volume for the weights: {{ include "model.cacheClaim" . }} */ -}}
{{- define "model.cacheClaim" -}}
{{- if .Values.cache.claim -}}
{{- .Values.cache.claim.name -}}
{{- else -}}
{{- include "model.graph" . }}-model-cache
{{- end -}}
{{- end -}}

{{- /* Folder of the weights in a container. One that is downloaded is named for where it comes from and for its revision,
       so another of either is another folder: {{ include "model.folder" . }} */ -}}
{{- define "model.folder" -}}
{{- $cache := .Values.cache -}}
{{- if $cache.claim -}}
{{- list $cache.mountPath ($cache.claim.path | default "") | compact | join "/" -}}
{{- else -}}
{{- $source := list "huggingface.co" .Values.name (.Values.revision | default "") -}}
{{- if $cache.s3 -}}
{{- $source = concat (list ($cache.s3.endpoint | default "") $cache.s3.uri) (compact (list $cache.s3.marker)) -}}
{{- end -}}
{{- printf "%s/%s-%s" $cache.mountPath (base .Values.name) (join " " $source | sha256sum | trunc 8) -}}
{{- end -}}
{{- end -}}

{{- /* File beside that folder which the download writes when nothing is missing: {{ include "model.marker" . }} */ -}}
{{- define "model.marker" -}}
{{- include "model.folder" . }}.complete
{{- end -}}

{{- /* Name that clients ask for: {{ include "model.served" . }} */ -}}
{{- define "model.served" -}}
{{- .Values.servedName | default .Values.name | required "name is missing: the model id, ORG/NAME" -}}
{{- end -}}

{{- /* What an engine is told to load: the folder on the volume, or the model's id. With an id, Dynamo's workers first fetch the
       newest revision whatever `revision` says, and ask Hugging Face at every start. {{ include "model.source" . }} */ -}}
{{- define "model.source" -}}
{{- $name := required "name is missing: the model id, ORG/NAME" .Values.name -}}
{{- if include "model.cached" . -}}
{{- include "model.folder" . -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{- /* Volume with the weights, for a pod: {{ include "model.cacheVolume" . }} */ -}}
{{- define "model.cacheVolume" -}}
- name: model-cache
  persistentVolumeClaim:
    claimName: {{ include "model.cacheClaim" . | quote }}
    {{- if and .Values.cache.claim (include "model.readOnly" .) }}
    readOnly: true
    {{- end }}
{{- end -}}

{{- /* Where it is mounted: {{ include "model.cacheMount" . }} */ -}}
{{- define "model.cacheMount" -}}
- name: model-cache
  mountPath: {{ .Values.cache.mountPath | quote }}
  {{- if and .Values.cache.claim (include "model.readOnly" .) }}
  readOnly: true
  {{- end }}
{{- end -}}

{{- /* Not empty when a volume of the user's is only read, as it is by default: {{ include "model.readOnly" . }} */ -}}
{{- define "model.readOnly" -}}
{{- $claim := .Values.cache.claim -}}
{{- if not (hasKey $claim "readOnly" | ternary (eq (toString $claim.readOnly) "false") false) -}}
true
{{- end -}}
{{- end -}}

{{- /* Affinity of every pod that mounts a ReadWriteOnce volume: the node of a worker. A worker may choose its own, for the
       scheduler lets the first pod that would match itself go anywhere; the rest follows. Otherwise the download could hold the
       volume on a node without GPUs, or a waiting worker hold it where the download is not. {{ include "model.affinity" . }} */ -}}
{{- define "model.affinity" -}}
{{- if and (include "model.downloaded" .) (eq .Values.cache.accessMode "ReadWriteOnce") -}}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            app.kubernetes.io/name: model
            app.kubernetes.io/instance: {{ include "model.graph" . | quote }}
          matchExpressions:
            - key: app.kubernetes.io/component
              operator: In
              values: [worker, prefill, decode]
{{- end -}}
{{- end -}}

{{- /* Init container of a worker that ends when the weights are there. A volume of the user's is looked at once: nothing here
       fills it, and Kubernetes starts the container anew, later and later. {{ include "model.waiting" . }} */ -}}
{{- define "model.waiting" -}}
{{- $label := printf "app.kubernetes.io/instance=%s,app.kubernetes.io/component=download" (include "model.graph" .) -}}
{{- $hint := printf "the download Job fills it, see: kubectl -n %s logs -l %s --all-containers --tail=20" .Release.Namespace $label -}}
{{- $seconds := .Values.cache.deadlineSeconds -}}
{{- $weights := include "model.marker" . -}}
{{- if .Values.cache.claim -}}
{{- $hint = printf "cache.claim: the volume of PersistentVolumeClaim %s has nothing there" (include "model.cacheClaim" .) -}}
{{- $seconds = 0 -}}
{{- $weights = include "model.folder" . -}}
{{- end -}}
- name: wait-for-weights
  image: {{ include "model.image" . | quote }}
  imagePullPolicy: IfNotPresent
  command: [python3, /scripts/wait.py]
  env:
    - name: HINT
      value: {{ $hint | quote }}
    - name: WAIT_SECONDS
      value: {{ int64 $seconds | quote }}
    - name: WEIGHTS
      value: {{ $weights | quote }}
  # What it says last is in `kubectl describe pod`.
  terminationMessagePolicy: FallbackToLogsOnError
  resources:
    requests:
      cpu: 100m
      memory: 128Mi
    limits:
      memory: 128Mi
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
  volumeMounts:
    {{- include "model.cacheMount" . | nindent 4 }}
    - name: scripts
      mountPath: /scripts
      readOnly: true
{{- end -}}
