{{/* A runner's pod: the user's template, and what the container mode and a CA add to it (ARC 0.14.2, the same
file). Everything that is added has a name; where the user's template has that name already, the user's stands. */}}

{{/* env, volumeMounts (of the container "runner"), initContainers, containers and volumes of the mode. */}}
{{- define "runner-set.added" -}}
{{- $mode := include "runner-set.mode" . -}}
{{- $runner := include "runner-set.runner" . | fromYaml -}}
{{- $tls := .Values.githubServerTLS | default dict -}}
env:
{{- if eq $mode "dind" }}
  - { name: DOCKER_HOST, value: "unix:///var/run/docker.sock" }
  - { name: RUNNER_WAIT_FOR_DOCKER_IN_SECONDS, value: "120" }
{{- else if include "runner-set.isKubernetesMode" . }}
  - name: ACTIONS_RUNNER_CONTAINER_HOOKS
    value: /home/runner/{{ eq $mode "kubernetes" | ternary "k8s" "k8s-novolume" }}/index.js
  - { name: ACTIONS_RUNNER_POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
  - { name: ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER, value: "true" }
  {{- if eq $mode "kubernetes-novolume" }}
  - { name: ACTIONS_RUNNER_IMAGE, value: {{ $runner.image | default "" | quote }} }
  {{- end }}
{{- end }}
{{- if $tls.runnerMountPath }}
  - { name: NODE_EXTRA_CA_CERTS, value: {{ include "runner-set.caFile" $tls | quote }} }
  - { name: RUNNER_UPDATE_CA_CERTS, value: "1" }
{{- end }}
volumeMounts:
{{- if has $mode (list "dind" "kubernetes") }}
  - { name: work, mountPath: /home/runner/_work }
{{- end }}
{{- if eq $mode "dind" }}
  - { name: dind-sock, mountPath: /var/run }
{{- end }}
{{- if $tls.runnerMountPath }}
  - name: github-server-tls-cert
    mountPath: {{ include "runner-set.caFile" $tls | quote }}
    subPath: {{ $tls.certificateFrom.configMapKeyRef.key | quote }}
{{- end }}
initContainers:
{{- if eq $mode "dind" }}
  - name: init-dind-externals
    image: {{ $runner.image | quote }}
    command: [cp]
    args: [-r, /home/runner/externals/., /home/runner/tmpDir/]
    volumeMounts: [{ name: dind-externals, mountPath: /home/runner/tmpDir }]
  {{- if include "runner-set.hasSidecars" . }}
  - {{- include "runner-set.dind" . | nindent 4 }}
    restartPolicy: Always
    startupProbe:
      exec: { command: [docker, info] }
      initialDelaySeconds: 0
      failureThreshold: 24
      periodSeconds: 5
  {{- end }}
{{- end }}
containers:
{{- if and (eq $mode "dind") (not (include "runner-set.hasSidecars" .)) }}
  - {{- include "runner-set.dind" . | nindent 4 }}
{{- end }}
volumes:
{{- if $tls.runnerMountPath }}
  - name: github-server-tls-cert
    configMap:
      name: {{ $tls.certificateFrom.configMapKeyRef.name | quote }}
      items:
        - key: {{ $tls.certificateFrom.configMapKeyRef.key | quote }}
          path: {{ $tls.certificateFrom.configMapKeyRef.key | quote }}
{{- end }}
{{- if eq $mode "dind" }}
  - { name: dind-sock, emptyDir: {} }
  - { name: dind-externals, emptyDir: {} }
  - { name: work, emptyDir: {} }
{{- else if eq $mode "kubernetes" }}
  - name: work
    ephemeral:
      volumeClaimTemplate:
        spec: {{ .Values.containerMode.kubernetesModeWorkVolumeClaim | toJson }}
{{- end }}
{{- end }}

{{- define "runner-set.dind" -}}
name: dind
image: docker:dind
args: [dockerd, "--host=unix:///var/run/docker.sock", --group=$(DOCKER_GROUP_GID)]
env: [{ name: DOCKER_GROUP_GID, value: "123" }]
securityContext: { privileged: true }
volumeMounts:
  - { name: work, mountPath: /home/runner/_work }
  - { name: dind-sock, mountPath: /var/run }
  - { name: dind-externals, mountPath: /home/runner/externals }
{{- end }}

{{/* Containers that start before the others and end after them are on by default since Kubernetes 1.29. Managed
clusters report minors such as "29+". */}}
{{- define "runner-set.hasSidecars" -}}
{{- if ge (regexFind "^[0-9]+" .Capabilities.KubeVersion.Minor | int) 29 }}true{{ end -}}
{{- end }}

{{- define "runner-set.caFile" -}}
{{- clean (printf "%s/%s" .runnerMountPath .certificateFrom.configMapKeyRef.key) -}}
{{- end }}

{{/* The container "runner" of the user's template. */}}
{{- define "runner-set.runner" -}}
{{- range .Values.template.spec.containers }}{{ if eq .name "runner" }}{{ toYaml . }}{{ end }}{{ end -}}
{{- end }}

{{/* Both lists as one: first the base, then what the other has under names that the base has not. */}}
{{- define "runner-set.union" -}}
{{- $all := .base | default list -}}
{{- $names := list -}}
{{- range $all }}{{ $names = append $names .name }}{{ end -}}
{{- range .more }}{{ if not (has .name $names) }}{{ $all = append $all . }}{{ end }}{{ end -}}
{{- dict "all" $all | toYaml -}}
{{- end }}

{{/* The chart's list first, each entry replaced by the user's of that name, then the rest of the user's. */}}
{{- define "runner-set.overridden" -}}
{{- $all := list -}}
{{- range $entry := .added -}}
  {{- range $.given }}{{ if eq .name $entry.name }}{{ $entry = . }}{{ end }}{{ end -}}
  {{- $all = append $all $entry -}}
{{- end -}}
{{- include "runner-set.union" (dict "base" $all "more" .given) -}}
{{- end }}

{{- define "runner-set.podSpec" -}}
{{- $mode := include "runner-set.mode" . -}}
{{- $given := .Values.template.spec -}}
{{- $added := include "runner-set.added" . | fromYaml -}}
{{- $spec := omit $given "containers" "initContainers" "volumes" "serviceAccountName" -}}
{{- if not $spec.restartPolicy }}{{ $_ := set $spec "restartPolicy" "Never" }}{{ end -}}
{{- $account := include "runner-set.noPermissionName" . -}}
{{- if include "runner-set.isKubernetesMode" . }}{{ $account = include "runner-set.kubeModeAccountName" . }}{{ end -}}
{{- $_ := set $spec "serviceAccountName" ($given.serviceAccountName | default $account) -}}
{{- $initContainers := (include "runner-set.overridden" (dict "added" $added.initContainers "given" $given.initContainers) | fromYaml).all -}}
{{- with $initContainers }}{{ $_ := set $spec "initContainers" . }}{{ end -}}

{{- $runner := include "runner-set.runner" . | fromYaml -}}
{{- $env := (include "runner-set.union" (dict "base" $runner.env "more" $added.env) | fromYaml).all -}}
{{- $mounts := (include "runner-set.union" (dict "base" $runner.volumeMounts "more" $added.volumeMounts) | fromYaml).all -}}
{{- $runner = omit $runner "env" "volumeMounts" -}}
{{- with $env }}{{ $_ := set $runner "env" . }}{{ end -}}
{{- if or $mounts (eq $mode "kubernetes-novolume") }}{{ $_ := set $runner "volumeMounts" $mounts }}{{ end -}}
{{- $containers := list -}}
{{- if $mode }}{{ $containers = concat (list $runner) ($added.containers | default list) }}{{ end -}}
{{- range $given.containers -}}
  {{- if and (eq .name "runner") (not $mode) }}{{ $containers = append $containers $runner -}}
  {{- else if not (or (eq .name "runner") (and (eq $mode "dind") (eq .name "dind"))) }}{{ $containers = append $containers . }}{{ end -}}
{{- end -}}
{{- $_ := set $spec "containers" $containers -}}

{{- $volumes := (include "runner-set.overridden" (dict "added" $added.volumes "given" $given.volumes) | fromYaml).all -}}
{{- if or $volumes (eq $mode "kubernetes-novolume") }}{{ $_ := set $spec "volumes" $volumes }}{{ end -}}
{{- toYaml $spec -}}
{{- end }}
