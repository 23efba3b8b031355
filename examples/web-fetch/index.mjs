// The web standard's way, as Hono, Workers, Deno and Bun have it: a Request in, a Response out.
//
//   curl '127.0.0.1:8000/invoke/web-fetch/hello?name=Ada'
export default {
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/hello') return new Response('There is nothing here.\n', { status: 404 });
    // The answer waits for this: the container ends after it.
    context.waitUntil(Promise.resolve().then(() => console.log('greeted')));
    return Response.json({ message: `Hello, ${searchParams.get('name') ?? 'world'}!` });
  },
};
