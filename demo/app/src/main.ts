// SPDX-License-Identifier: GPL-3.0-or-later
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Auth } from './auth';
import { appVersion, loadEnvFile, readConfig, type Config } from './config';
import { createPool, waitForDatabase } from './database';
import { fileRoutes } from './files';
import { healthRoutes } from './health';
import { createHttpServer, type Route } from './http';
import { flushLogs, logger } from './log';
import { Metrics } from './metrics';
import { createRedis } from './redis';
import { taskRoutes } from './tasks';
import { windows } from './throttle';
import { crashAfter, logUncaughtErrors, troubleRoutes } from './trouble';

async function start(config: Config): Promise<void> {
  const version = appVersion();
  logger('NestFactory').log(`Starting Nest application ${version}...`);
  const pool = createPool(config.database, 'vendhub-api');
  const redis = createRedis(config.redisUrl);
  await waitForDatabase(pool, config.databaseRetries, config.databaseRetryMs);
  await redis.ping();
  await sleep(config.bootDelayMs);

  const limits = windows(config.throttlePerMinute);
  const metrics = new Metrics(pool, redis);
  const auth = new Auth(pool, redis, metrics, config);
  const metricsRoute: Route = {
    method: 'GET', path: '/metrics', limits: [],
    handle: async () => ({
      status: 200, body: await metrics.page(), headers: { 'Content-Type': metrics.registry.contentType },
    }),
  };
  const routes = [
    ...healthRoutes(pool, redis, version, limits),
    metricsRoute,
    ...auth.routes(),
    ...taskRoutes(pool, auth, metrics, limits),
    ...fileRoutes(pool, auth, config.uploadDir, limits),
    ...troubleRoutes(pool, limits),
  ];
  const server = createHttpServer(routes, metrics, config.slowRequestMs);
  server.listen(config.port, config.host, () => {
    logger('NestApplication').log('Nest application successfully started');
    logger('Bootstrap').log(`Application is running on: http://${config.host}:${config.port}`);
    crashAfter(config.crashAfterMs);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop(server, signal, config.drainTimeoutMs));
  }
}

/** Takes no new request, lets the running ones end within the time allowed, and exits with code 0. */
async function stop(server: Server, signal: string, timeoutMs: number): Promise<void> {
  logger('Bootstrap').log(`${signal}: draining`);
  const drained = new Promise<boolean>((done) => server.close(() => done(true)));
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const inTime = await Promise.race([drained, sleep(timeoutMs, false)]);
  clearInterval(sweep);
  if (inTime) logger('Bootstrap').log('Drained');
  else logger('Bootstrap').warn(`Requests were still running after ${timeoutMs} ms`);
  await flushLogs();
  process.exit(0);
}

logUncaughtErrors();
loadEnvFile();
void start(readConfig());
