/**
 * What a page lives through that matters to a connection. Without a page, in Node.js or a worker, nothing happens.
 */
export interface PageListeners {
  /** The page is seen again, or the network is back. */
  onWake(): void
  onHidden(): void
  /** The network is gone. */
  onOffline(): void
  /** The page goes away; it may come back out of the back/forward cache. */
  onUnload(): void
  /** The page came back out of the back/forward cache. */
  onReturn(): void
}

/** Resolves when the page is not, or no longer, prerendered: a page that is never shown must not join. */
export async function whenActivated(): Promise<void> {
  const page = globalThis.document as (Document & { prerendering?: boolean }) | undefined
  if (!page?.prerendering) return
  await new Promise(resolve => page.addEventListener('prerenderingchange', resolve, { once: true }))
}

export const isHidden = (): boolean => globalThis.document?.visibilityState === 'hidden'

export function watchPage(listeners: PageListeners, signal: AbortSignal): void {
  if (!globalThis.document) return
  const { onWake, onHidden, onOffline, onUnload, onReturn } = listeners
  document.addEventListener('visibilitychange', () => (isHidden() ? onHidden() : onWake()), { signal })
  for (const type of ['focus', 'online']) addEventListener(type, onWake, { signal })
  addEventListener('offline', onOffline, { signal })
  addEventListener('pagehide', onUnload, { signal })
  addEventListener('pageshow', event => (event.persisted ? onReturn() : onWake()), { signal })
}
