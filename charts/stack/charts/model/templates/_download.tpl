{{- /* Spec of the Job that downloads into the volume. From Hugging Face it does so with the workers' image, on the workers'
       nodes, where that is anyway. {{ include "model.downloadSpec" . }} */ -}}
{{- define "model.downloadSpec" -}}
{{- $s3 := .Values.cache.s3 -}}
{{- $secret := .Values.huggingFaceTokenSecret -}}
{{- if $s3 -}}
{{- $secret = $s3.secret -}}
{{- end -}}
backoffLimit: 4
activeDeadlineSeconds: {{ int64 .Values.cache.deadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "model.labels" (list . "download") | nindent 6 }}
    annotations:
      checksum/script: {{ .Files.Get "files/download.sh" | sha256sum }}
      {{- if ($s3 | default dict).marker }}
      checksum/mirrored: {{ .Files.Get "files/mirrored.sh" | sha256sum }}
      {{- end }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    securityContext:
      {{- /* Amazon's image would run as root. The engines' images have a user of their own. */}}
      {{- if $s3 }}
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      {{- end }}
      # The group that the operator gives the workers.
      fsGroup: 1000
      fsGroupChangePolicy: OnRootMismatch
      seccompProfile:
        type: RuntimeDefault
    {{- with .Values.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with include "model.affinity" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "model.mirrored" . }}
    initContainers:
      {{- . | nindent 6 }}
    {{- end }}
    containers:
      - name: download
        image: {{ include "model.downloadImage" . | quote }}
        imagePullPolicy: IfNotPresent
        command:
          - sh
          - /scripts/download.sh
          {{- range include "model.downloadCommand" . | fromYamlArray }}
          - {{ . | quote }}
          {{- end }}
        {{- with $secret }}
        envFrom:
          - secretRef:
              name: {{ . | quote }}
        {{- end }}
        env:
          - name: FOLDER
            value: {{ include "model.folder" . | quote }}
          {{- if $s3 }}
          - name: HOME
            value: /tmp
          {{- else }}
          - name: HF_HOME
            value: {{ .Values.cache.mountPath | quote }}
          {{- end }}
          - name: MARKER
            value: {{ include "model.marker" . | quote }}
        resources:
          requests:
            cpu: "1"
            memory: 4Gi
          limits:
            memory: 4Gi
        securityContext:
          allowPrivilegeEscalation: false
          {{- if $s3 }}
          readOnlyRootFilesystem: true
          {{- end }}
          capabilities:
            drop: [ALL]
        volumeMounts:
          {{- include "model.cacheMount" . | nindent 10 }}
          - name: scripts
            mountPath: /scripts
            readOnly: true
          {{- if $s3 }}
          - name: tmp
            mountPath: /tmp
          {{- end }}
    volumes:
      {{- include "model.cacheVolume" . | nindent 6 }}
      {{- include "model.scriptsVolume" . | nindent 6 }}
      {{- if $s3 }}
      - name: tmp
        emptyDir: {}
      {{- end }}
{{- end -}}

{{- /* Init container that ends when the store has everything; empty where nobody says when. {{ include "model.mirrored" . }} */ -}}
{{- define "model.mirrored" -}}
{{- $s3 := .Values.cache.s3 | default dict -}}
{{- with $s3.marker -}}
- name: wait-for-mirror
  image: {{ include "model.downloadImage" $ | quote }}
  imagePullPolicy: IfNotPresent
  command: [sh, /scripts/mirrored.sh]
  env:
    - name: ENDPOINT
      value: {{ $s3.endpoint | default "" | quote }}
    - name: HOME
      value: /tmp
    - name: MIRRORED
      value: {{ . | quote }}
  envFrom:
    - secretRef:
        name: {{ $s3.secret | quote }}
  terminationMessagePolicy: FallbackToLogsOnError
  resources:
    requests:
      cpu: 100m
      memory: 256Mi
    limits:
      memory: 256Mi
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
  volumeMounts:
    - name: scripts
      mountPath: /scripts
      readOnly: true
    - name: tmp
      mountPath: /tmp
{{- end -}}
{{- end -}}

{{- /* Image of the download: {{ include "model.downloadImage" . }} */ -}}
{{- define "model.downloadImage" -}}
{{- if .Values.cache.s3 -}}
{{- .Values.cache.s3.image | default "amazon/aws-cli:2.27.50" -}}
{{- else -}}
{{- include "model.image" . -}}
{{- end -}}
{{- end -}}

{{- /* What fetches the weights into the folder, one token each; both take up again what an earlier try has left.
       {{ include "model.downloadCommand" . | fromYamlArray }} */ -}}
{{- define "model.downloadCommand" -}}
{{- $folder := include "model.folder" . -}}
{{- $command := list "hf" "download" .Values.name "--local-dir" $folder -}}
{{- with .Values.revision -}}
{{- $command = concat $command (list "--revision" .) -}}
{{- end -}}
{{- with .Values.cache.s3 -}}
{{- $command = list "aws" "s3" "sync" .uri $folder "--no-progress" -}}
{{- with .endpoint -}}
{{- $command = concat $command (list "--endpoint-url" .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $command -}}
{{- end -}}

{{- /* Volume with the scripts of download and waiting, for a pod: {{ include "model.scriptsVolume" . }} */ -}}
{{- define "model.scriptsVolume" -}}
- name: scripts
  configMap:
    name: {{ include "model.scripts" . | quote }}
{{- end -}}

{{- /* Name of the ConfigMap with them: {{ include "model.scripts" . }} */ -}}
{{- define "model.scripts" -}}
{{- include "model.graph" . }}-weights
{{- end -}}
