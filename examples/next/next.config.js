const { COLOCATE_URL = 'http://127.0.0.1:3000' } = process.env

/** @type {import('next').NextConfig} */
export default {
  // Next reads the rewrites at build time.
  rewrites: async () => [{ source: '/presence/:path*', destination: `${COLOCATE_URL}/:path*` }],
}
