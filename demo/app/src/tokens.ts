// SPDX-License-Identifier: GPL-3.0-or-later
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, string, number, Buffer>(scrypt);

export interface Claims {
  sub: string;
  email: string;
  iat: number;
  exp: number;
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16).toString('hex');
  return `${salt}:${(await derive(password, salt, 32)).toString('hex')}`;
}

export async function passwordFits(password: string, stored: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split(':');
  return sameText((await derive(password, salt, 32)).toString('hex'), hash);
}

/** A JSON web token (HS256) for these claims. */
export function signToken(claims: Claims, secret: string): string {
  const payload = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${payload}.${signature(payload, secret)}`;
}

/** The claims of a token that is ours and not expired, otherwise undefined. */
export function readToken(token: string, secret: string, nowSeconds: number): Claims | undefined {
  const [header = '', payload = '', mark = ''] = token.split('.');
  if (!sameText(mark, signature(`${header}.${payload}`, secret))) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims;
  return claims.exp > nowSeconds ? claims : undefined;
}

export function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function signature(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(payload).digest('base64url');
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
