// The smallest useful function: greets whom you name, in a JSON body or in the query.
//
//   curl 127.0.0.1:8000/invoke/hello -d '{"name":"Ada"}'
//   curl '127.0.0.1:8000/invoke/hello?name=Ada'
exports.handler = async (req) => {
  const input = await req.json(); // null when there is no body
  const name = input?.name ?? req.query.name ?? 'world';
  console.log(`greeting ${name}`); // shown by GET /logs/hello
  return { statusCode: 200, body: { message: `Hello, ${name}!` } }; // an object is sent as JSON
};
