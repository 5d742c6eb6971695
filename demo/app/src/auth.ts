// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash, randomBytes } from 'node:crypto';
import type Redis from 'ioredis';
import type { Pool } from 'pg';
import type { Config } from './config';
import { HttpError, json, type Reply, type Request, type Route } from './http';
import type { Metrics } from './metrics';
import { windows, type Window } from './throttle';
import { passwordFits, readToken, sameText, signToken, type Claims } from './tokens';

const FAILURES_TO_LOCK = 5;
const TOKEN_SECONDS = 900;
const BLACKLIST_SECONDS = 7 * 24 * 3600;

interface User {
  id: string;
  email: string;
  password_hash: string;
  locked: boolean;
}

export class Auth {
  constructor(
    private readonly pool: Pool, private readonly redis: Redis, private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  routes(): Route[] {
    const limits = windows(this.config.throttlePerMinute);
    const logins: Window[] = [{ ms: 60_000, limit: this.config.loginsPerMinute }];
    return [
      { method: 'POST', path: '/api/v1/auth/login', limits: logins, handle: (request) => this.login(request) },
      { method: 'POST', path: '/api/v1/auth/logout', limits, handle: (request) => this.logout(request) },
      { method: 'GET', path: '/api/v1/auth/csrf-token', limits, handle: async () => csrfReply(200, {}) },
    ];
  }

  /** The user of a valid token that was not revoked; a request that changes something needs the CSRF pair too. */
  async user(request: Request): Promise<Claims> {
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const claims = readToken(token, this.config.jwtSecret, Date.now() / 1000);
    if (!claims) throw new HttpError(401, 'Unauthorized');
    const tokenHash = createHash('sha256').update(token).digest('hex');
    const keys = [`vendhub:blacklist:user:${claims.sub}`, `vendhub:blacklist:token:${tokenHash}`];
    if ((await this.redis.exists(keys)) > 0) throw new HttpError(401, 'Token has been revoked');
    if (request.method !== 'GET') demandCsrf(request);
    return claims;
  }

  private async login(request: Request): Promise<Reply> {
    const { email, password } = await json(request);
    if (typeof email !== 'string' || typeof password !== 'string') {
      throw new HttpError(400, 'email and password must be strings');
    }
    this.metrics.loginAttempts.inc();
    const { rows } = await this.pool.query<User>(
      `SELECT id, email, password_hash, coalesce(locked_until > now(), false) AS locked
       FROM users WHERE email = $1`, [email]);
    const user = rows[0];
    if (!user) return this.refuse('unknown_user', 'Invalid credentials');
    if (user.locked) return this.refuse('locked', 'Account is locked', user.id);
    if (!(await passwordFits(password, user.password_hash))) {
      await this.pool.query(
        `UPDATE users SET
           locked_until = CASE WHEN failed_logins + 1 >= $2 THEN now() + make_interval(secs => $3) END,
           failed_logins = CASE WHEN failed_logins + 1 >= $2 THEN 0 ELSE failed_logins + 1 END
         WHERE id = $1`, [user.id, FAILURES_TO_LOCK, this.config.lockoutSeconds]);
      return this.refuse('wrong_password', 'Invalid credentials', user.id);
    }
    await this.pool.query('UPDATE users SET failed_logins = 0, locked_until = NULL WHERE id = $1', [user.id]);
    await this.pool.query('INSERT INTO sessions (user_id) VALUES ($1)', [user.id]);
    await this.audit('login', user.id);
    this.metrics.sessionsCreated.inc();
    const iat = Math.floor(Date.now() / 1000);
    const claims: Claims = { sub: user.id, email: user.email, iat, exp: iat + TOKEN_SECONDS };
    const access_token = signToken(claims, this.config.jwtSecret);
    return csrfReply(200, { access_token, expires_in: TOKEN_SECONDS, user: { id: user.id, email: user.email } });
  }

  /** Like the backend: a refusal is written to the audit table only, and counted nowhere unless asked. */
  private async refuse(reason: string, message: string, userId?: string): Promise<never> {
    if (this.config.countLoginFailures) this.metrics.loginFailures.inc({ reason });
    await this.audit(`login_failed:${reason}`, userId);
    throw new HttpError(401, message);
  }

  /** Revokes every token of the user, also those of later logins: that is what the backend does. */
  private async logout(request: Request): Promise<Reply> {
    const { sub } = await this.user(request);
    await this.redis.set(`vendhub:blacklist:user:${sub}`, '1', 'EX', BLACKLIST_SECONDS);
    await this.pool.query('DELETE FROM sessions WHERE user_id = $1', [sub]);
    return { status: 204 };
  }

  private async audit(event: string, userId?: string): Promise<void> {
    // The backend trusts no proxy and records this address for everybody.
    const row = "INSERT INTO audit_logs (event, user_id, ip_address) VALUES ($1, $2, '0.0.0.0')";
    await this.pool.query(row, [event, userId]);
  }
}

function csrfReply(status: number, body: Record<string, unknown>): Reply {
  const csrf_token = randomBytes(32).toString('hex');
  return {
    status, body: { ...body, csrf_token },
    headers: { 'Set-Cookie': `csrf_token=${csrf_token}; Path=/; SameSite=Strict` },
  };
}

function demandCsrf(request: Request): void {
  const header = request.headers['x-csrf-token'];
  const cookie = /(?:^|;\s*)csrf_token=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  if (typeof header !== 'string' || !cookie || !sameText(header, cookie)) {
    throw new HttpError(403, 'Invalid CSRF token');
  }
}
