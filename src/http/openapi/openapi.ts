/** Owns `GET /openapi.json`. */
import Router from '@koa/router';
import { sendJsonText } from '../answers/send-json.js';
import { needs } from '../middleware/needs.js';

/** @param document gives the description; called once, at the first request */
export function openApiRoute(document: () => object): Router {
  const router = new Router({ sensitive: true, strict: true });
  let text: string | null = null;
  router.get('/openapi.json', needs('viewer'), (ctx) => {
    text ??= JSON.stringify(document());
    sendJsonText(ctx, 200, text);
  });
  return router;
}
