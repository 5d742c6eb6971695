// SPDX-License-Identifier: GPL-3.0-or-later
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { logger } from './log';
import type { Metrics } from './metrics';
import { Throttle, type Window } from './throttle';

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  params: Record<string, string>;
  headers: IncomingMessage['headers'];
  body(limitBytes: number): Promise<Buffer>;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** A path whose parts may be names: /api/v1/tasks/:id */
  path: string;
  limits: readonly Window[];
  handle(request: Request): Promise<Reply>;
}

export class HttpError extends Error {
  constructor(readonly status: number, message: string, readonly extra: Record<string, unknown> = {}) {
    super(message);
  }
}

interface Match {
  route: Route;
  params: Record<string, string>;
}

/** A server for these routes, each request counted, timed and answered in the framework's error format. */
export function createHttpServer(routes: readonly Route[], metrics: Metrics, slowRequestMs: number): Server {
  const throttle = new Throttle();
  return createServer((incoming, response) => {
    const started = process.hrtime.bigint();
    const method = incoming.method ?? 'GET';
    const url = new URL(incoming.url?.startsWith('/') ? `http://localhost${incoming.url}` : 'http://localhost/');
    const match = findRoute(routes, method, url.pathname);
    // Counted before the answer leaves, so that whoever has the answer finds it counted.
    const account = (status: number): void => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      metrics.observeRequest(method, match?.route.path ?? 'unmatched', status, seconds);
      if (seconds * 1000 < slowRequestMs) return;
      logger('LoggingInterceptor').warn(`Slow request detected: ${method} ${url.pathname} took ${seconds.toFixed(2)}s`);
    };
    answer(match, incoming, method, url, throttle)
      .catch((error: unknown) => errorReply(error, method, url.pathname))
      .then((reply) => {
        account(reply.status);
        send(response, reply);
      })
      .catch((error: Error) => logger('HttpServer').error(error.message, error.stack));
  });
}

export async function json(request: Request): Promise<Record<string, unknown>> {
  const text = (await request.body(100_000)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, 'The body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'The body must be a JSON object');
  }
  return value as Record<string, unknown>;
}

async function answer(
  match: Match | undefined, incoming: IncomingMessage, method: string, url: URL, throttle: Throttle,
): Promise<Reply> {
  if (!match) throw new HttpError(404, `Cannot ${method} ${url.pathname}`);
  const { route, params } = match;
  const key = `${route.method} ${route.path} ${incoming.socket.remoteAddress ?? ''}`;
  const wait = throttle.hit(key, route.limits, Date.now());
  if (wait > 0) throw new HttpError(429, 'ThrottlerException: Too Many Requests', { retryAfter: wait });
  return route.handle({
    method, path: url.pathname, query: url.searchParams, params, headers: incoming.headers,
    body: (limit) => readBody(incoming, limit),
  });
}

function findRoute(routes: readonly Route[], method: string, path: string): Match | undefined {
  const parts = path.split('/');
  for (const route of routes) {
    const wanted = route.path.split('/');
    if (route.method !== method || wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((want, index) => {
      const part = parts[index] ?? '';
      if (!want.startsWith(':')) return want === part;
      params[want.slice(1)] = part;
      return part !== '';
    });
    if (fits) return { route, params };
  }
  return undefined;
}

async function readBody(incoming: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > limitBytes) throw new HttpError(413, `The body is larger than ${limitBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function errorReply(error: unknown, method: string, path: string): Reply {
  const known = error instanceof HttpError ? error : undefined;
  const status = known?.status ?? 500;
  if (status >= 500) {
    const { message, stack } = error as Error;
    logger(`${method} ${path}`).error(`HTTP ${status} ${message}`, stack);
  }
  const { retryAfter, ...extra } = known?.extra ?? {};
  return {
    status,
    body: {
      statusCode: status, timestamp: new Date().toISOString(), path, method,
      message: known?.message ?? 'Internal server error', ...extra,
    },
    headers: retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) },
  };
}

function send(response: ServerResponse, reply: Reply): void {
  const isText = typeof reply.body === 'string';
  const body = reply.body === undefined ? '' : isText ? (reply.body as string) : JSON.stringify(reply.body);
  response.statusCode = reply.status;
  if (body) response.setHeader('Content-Type', `${isText ? 'text/plain' : 'application/json'}; charset=utf-8`);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  // An unread body (refused upload) would otherwise be taken for the next request.
  if (!response.req.complete) response.setHeader('Connection', 'close');
  response.end(body);
}
