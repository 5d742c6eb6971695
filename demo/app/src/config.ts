// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { PoolConfig } from 'pg';

export interface Config {
  host: string;
  port: number;
  database: PoolConfig;
  databaseRetries: number;
  databaseRetryMs: number;
  redisUrl: string;
  jwtSecret: string;
  uploadDir: string;
  throttlePerMinute: number;
  loginsPerMinute: number;
  lockoutSeconds: number;
  countLoginFailures: boolean;
  slowRequestMs: number;
  drainTimeoutMs: number;
  bootDelayMs: number;
  crashAfterMs: number;
}

type Env = Record<string, string | undefined>;

/** Variables of the file become visible, but never replace one that is already set. */
export function loadEnvFile(env: Env = process.env): void {
  const path = env.ENV_FILE ?? '.env.production';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  for (const [name, value] of Object.entries(parseEnv(text))) env[name] ??= value;
}

/** The version of the release this process was started from. */
export function appVersion(): string {
  const manifest = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

export function logDir(env: Env = process.env): string {
  return resolve(env.LOG_DIR ?? 'logs');
}

export function redisUrl(env: Env = process.env): string {
  return env.REDIS_URL ?? 'redis://127.0.0.1:6379';
}

export function databaseConfig(env: Env = process.env): PoolConfig {
  const place: PoolConfig = env.DATABASE_URL
    ? { connectionString: env.DATABASE_URL }
    : {
        host: env.DB_HOST ?? '127.0.0.1',
        port: whole(env, 'DB_PORT', 5432),
        user: required(env, 'DB_USERNAME'),
        password: env.DB_PASSWORD,
        database: required(env, 'DB_NAME'),
      };
  return { ...place, max: whole(env, 'DB_POOL_SIZE', 10), connectionTimeoutMillis: 1000 };
}

export function readConfig(env: Env = process.env): Config {
  return {
    host: env.HOST ?? '127.0.0.1',
    port: whole(env, 'PORT', 3000),
    database: databaseConfig(env),
    databaseRetries: whole(env, 'DB_CONNECT_RETRIES', 3),
    databaseRetryMs: whole(env, 'DB_CONNECT_RETRY_MS', 1000),
    redisUrl: redisUrl(env),
    jwtSecret: required(env, 'JWT_SECRET'),
    uploadDir: resolve(env.UPLOAD_DIR ?? 'uploads'),
    throttlePerMinute: whole(env, 'THROTTLE_LIMIT', 100),
    loginsPerMinute: whole(env, 'LOGIN_THROTTLE_LIMIT', 2),
    lockoutSeconds: whole(env, 'LOCKOUT_SECONDS', 900),
    countLoginFailures: env.COUNT_LOGIN_FAILURES === 'true',
    slowRequestMs: whole(env, 'SLOW_REQUEST_MS', 1000),
    drainTimeoutMs: whole(env, 'DRAIN_TIMEOUT_MS', 8000),
    bootDelayMs: whole(env, 'BOOT_DELAY_MS', 0),
    crashAfterMs: whole(env, 'CRASH_AFTER_MS', 0),
  };
}

export function required(env: Env, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`Missing environment variable ${name}: set it in .env.production or in the environment`);
  return value;
}

export function whole(env: Env, name: string, usual: number): number {
  const text = env[name];
  if (text === undefined || text === '') return usual;
  if (!/^\d+$/.test(text)) throw new Error(`Environment variable ${name} must be a whole number`);
  return Number(text);
}
