apiVersion: nvidia.com/v1beta1
kind: DynamoGraphDeployment
metadata:
  name: {{ .Release.Name }}
