/**
 * A user id of this tab's own, which survives a reload.
 *
 * A tab that is duplicated copies its storage. So the id is in the storage only while no page uses it: from the end of a
 * page to the beginning of the next one in the same tab.
 */
const STORAGE_KEY = 'colocate tab'
const DIGITS = 10

export function tabUser(): string {
  const user = take() ?? newUserId('tab')
  addEventListener('pagehide', () => {
    try {
      sessionStorage.setItem(STORAGE_KEY, user)
    } catch {}
  })
  // Out of the back/forward cache, the same page uses the id again.
  addEventListener('pageshow', take)
  return user
}

export function newUserId(prefix: string): string {
  const random = crypto.getRandomValues(new Uint8Array(DIGITS))
  return `${prefix}-${Array.from(random, byte => (byte % 36).toString(36)).join('')}`
}

function take(): string | undefined {
  try {
    const user = sessionStorage.getItem(STORAGE_KEY) ?? undefined
    sessionStorage.removeItem(STORAGE_KEY)
    return user
  } catch {
    return undefined
  }
}
