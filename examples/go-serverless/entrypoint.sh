# Answers with the message of the request: {"message":"hi"} → {"success":true,"message":"hi"}.
message=$(sed -n 's/.*"message" *: *"\([^"]*\)".*/\1/p' "$CONTEXT_PATH/request.json")
echo "request $REQUEST_ID says: $message"
if [ -z "$message" ]; then
  echo '{"success":false,"message":"missing message"}' > "$CONTEXT_PATH/response.json"
  exit 1
fi
echo "{\"success\":true,\"message\":\"$message\"}" > "$CONTEXT_PATH/response.json"
