{{/* Who may act in this namespace: the account of the reconciler, as given, or as found by the labels of its
Deployment. `helm template` and most GitOps tools cannot look; there controllerServiceAccount must be given. */}}
{{- define "runner-set.controller" -}}
{{- $_ := include "runner-set.configUrl" . -}}
{{- $given := .Values.controllerServiceAccount | default dict -}}
{{- $found := dict -}}
{{- if not (and $given.name $given.namespace) -}}
  {{- $namespace := include "runner-set.namespace" . -}}
  {{- $hint := "set controllerServiceAccount.name and controllerServiceAccount.namespace" -}}
  {{- $everywhere := list -}}
  {{- $here := list -}}
  {{- range (lookup "apps/v1" "Deployment" "" "").items -}}
    {{- $labels := .metadata.labels | default dict -}}
    {{- if eq (get $labels "app.kubernetes.io/part-of") "runlet" -}}
      {{- $watched := dig "runlet.dev/namespaces" "" (.metadata.annotations | default dict) -}}
      {{- if not $watched }}{{ $everywhere = append $everywhere $labels -}}
      {{- else if has $namespace (splitList "," $watched) }}{{ $here = append $here $labels }}{{ end -}}
    {{- end -}}
  {{- end -}}
  {{- $candidates := $here | default $everywhere -}}
  {{- if not $candidates }}{{ fail (printf "no reconciler of Runlet that serves namespace %s was found in the cluster: install the chart runlet first, or %s" $namespace $hint) }}{{ end -}}
  {{- if gt (len $candidates) 1 }}{{ fail (printf "%d reconcilers of Runlet serve namespace %s: %s" (len $candidates) $namespace $hint) }}{{ end -}}
  {{- $found = first $candidates -}}
{{- end -}}
name: {{ $given.name | default (get $found "actions.github.com/controller-service-account-name") }}
namespace: {{ $given.namespace | default (get $found "actions.github.com/controller-service-account-namespace") }}
{{- end }}
