// The answer is an HTTP answer of the function itself: status, headers, and a body that is sent as it is.
exports.handler = async (req) => {
  console.log(`${req.method} ${req.path}`);
  if (req.path === '/teapot') return { statusCode: 418, body: 'short and stout' };
  return { body: `${process.env.GREETING}, ${req.query.name ?? 'world'}!` };
};
