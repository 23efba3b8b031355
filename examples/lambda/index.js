// A function written for AWS Lambda (behind a function URL), unchanged. glambdar.json says so: {"contract": "lambda"}
//
//   curl '127.0.0.1:8000/invoke/lambda/some/path?name=Ada'
exports.handler = async (event, context) => {
  const { method, sourceIp } = event.requestContext.http;
  console.log(`${method} ${event.rawPath} from ${sourceIp}`);
  return {
    statusCode: 200,
    headers: { 'Content-Type': 'application/json' },
    cookies: ['seen=yes'],
    body: JSON.stringify({
      message: `Hello, ${event.queryStringParameters?.name ?? 'world'}!`,
      path: event.rawPath,
      id: context.awsRequestId,
    }),
  };
};
