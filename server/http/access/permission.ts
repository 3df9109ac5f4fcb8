/**
 * Permissions that a host application grants itself, instead of tokens.
 */
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { colorSchema, userSchema } from '../fields.ts'
import { type IsAllowedOrigin, refuseOtherOrigins } from '../origin.ts'
import type { Authenticate } from './access.ts'
import type { Scope } from './caller.ts'
import { tokenName, unauthorized } from './verifier.ts'

/** Who sends a request, and what they may do: what the claims of a token say otherwise. */
export interface Permission {
  /** The collaborator. Left out, the caller can read, but not publish. */
  user?: string
  /** Wins over the name in the body. */
  name?: string
  /** `#rrggbb`. Wins over the color in the body. */
  color?: string
  /** Names of rooms; a trailing `*` matches the rest. */
  rooms: readonly string[]
  /** `['location:read', 'location:write']` by default. */
  scope?: readonly Scope[]
  /** When the permission and the streams that it has opened end, in milliseconds since 1970. Never by default. */
  expiresAt?: number
}

/** Called once for each request that needs a permission. `null` is answered 401. */
export type Authorize = (req: IncomingMessage) => Permission | null | Promise<Permission | null>

const permissionSchema = z.object({
  user: userSchema.optional(),
  name: tokenName,
  color: colorSchema.optional().catch(undefined),
  rooms: z.array(z.string()),
  scope: z.array(z.string()).default(['location:read', 'location:write']),
  expiresAt: z.number().default(Number.POSITIVE_INFINITY),
})

/** Rejects with what `authorize` throws, and with an `Error` if it does not return a permission. */
export function createAuthorized(authorize: Authorize, isAllowed: IsAllowedOrigin): Authenticate {
  return async function authenticate(req) {
    if (req.method !== 'GET' && req.method !== 'HEAD') refuseOtherOrigins(req, isAllowed)
    const granted = await authorize(req)
    if (granted === null) throw unauthorized()
    const { data, error } = permissionSchema.safeParse(granted)
    if (!data) throw new Error(`authorize returned an invalid permission: ${z.prettifyError(error)}`)
    const { user, name, color, rooms, scope, expiresAt } = data
    if (expiresAt <= Date.now()) throw unauthorized()
    return { sub: user, name, color, rooms, scopes: scope, expiresAt }
  }
}
