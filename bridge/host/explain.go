package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// explain says in words what is wrong with the data folder and what to do.
func explain(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("data folder full: %s %s free: %w", dir, free(dir), err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("data folder read-only: mount %s writable: %w", dir, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("data folder not ours: %s%s, this process is uid %d; run: chown -R %d %s: %w",
			dir, owner(dir), os.Getuid(), os.Getuid(), dir, err)
	}
	return err
}

// free returns the space left in words.
func free(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "unknown space"
	}
	return fmt.Sprintf("%d bytes", st.Bavail*uint64(st.Bsize))
}

func owner(dir string) string {
	st, err := os.Stat(dir)
	if err != nil {
		return " cannot be looked at"
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf(" belongs to uid %d (mode %#o)", sys.Uid, st.Mode().Perm())
	}
	return ""
}
