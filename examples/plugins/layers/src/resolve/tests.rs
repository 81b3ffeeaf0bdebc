use guest::testing::MemoryTree;

use super::*;
use crate::imports;

/// What the imports of a text in a file of a tree come to; `-` for what is none of the tree's.
fn resolved(files: &[&str], manifests: &[(&str, &str)], from: &str, text: &str) -> Vec<String> {
    let mut tree = MemoryTree::new(manifests);
    for path in files {
        tree.insert(path, b"");
    }
    let project = Project::read(&tree).unwrap();
    let found = imports::of(from, text.as_bytes());
    let each = found
        .iter()
        .map(|import| resolve(&project, from, &import.target));
    each.map(|path| path.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

#[test]
fn pythons_modules_are_found() {
    let files = [
        "src/shop/__init__.py",
        "src/shop/domain/__init__.py",
        "src/shop/domain/order.py",
        "src/shop/web/views.py",
        "src/shop/web/json.py",
        "tools/check.py",
        "services/pay/pyproject.toml",
        "services/pay/src/pay/core.py",
        "services/pay/tests/test_core.py",
    ];
    let rows = [
        (
            "src/shop/domain/order.py",
            "import shop.web.views",
            "src/shop/web/views.py",
        ),
        (
            "src/shop/domain/order.py",
            "from shop.web import views",
            "src/shop/web/views.py",
        ),
        (
            "src/shop/domain/order.py",
            "from shop.web.views import index",
            "src/shop/web/views.py",
        ),
        (
            "src/shop/domain/order.py",
            "from shop import web",
            "src/shop/web/__init__.py",
        ),
        (
            "src/shop/domain/order.py",
            "from ..web.views import index",
            "src/shop/web/views.py",
        ),
        (
            "src/shop/domain/order.py",
            "from .. import web",
            "src/shop/web/__init__.py",
        ),
        (
            "src/shop/domain/order.py",
            "from . import x",
            "src/shop/domain/__init__.py",
        ),
        (
            "src/shop/domain/__init__.py",
            "from .order import x",
            "src/shop/domain/order.py",
        ),
        ("src/shop/domain/order.py", "from .....a import x", "-"),
        ("src/shop/domain/order.py", "import os, json", "-"),
        (
            "tools/check.py",
            "from shop.domain import order",
            "src/shop/domain/order.py",
        ),
        (
            "src/shop/domain/order.py",
            "import tools.check",
            "tools/check.py",
        ),
        (
            "services/pay/tests/test_core.py",
            "import pay.core",
            "services/pay/src/pay/core.py",
        ),
        (
            "tools/check.py",
            "import pay.core",
            "services/pay/src/pay/core.py",
        ),
    ];
    for (from, text, expected) in rows {
        assert_eq!(
            resolved(&files, &[], from, text)[0],
            expected,
            "{from}: {text}"
        );
    }
}

#[test]
fn rusts_modules_are_found() {
    let files = [
        "src/lib.rs",
        "src/main.rs",
        "src/domain.rs",
        "src/domain/order.rs",
        "src/web/mod.rs",
        "src/web/views.rs",
        "src/bin/tool.rs",
        "src/bin/big/main.rs",
        "src/bin/big/part.rs",
        "tests/suite.rs",
        "tests/common/mod.rs",
        "crates/db/src/lib.rs",
        "crates/db/src/pool.rs",
        "crates/ui/lib/ui.rs",
        "crates/ui/lib/page.rs",
    ];
    let manifests = [
        (
            "Cargo.toml",
            "[package]\nname = \"my-shop\"\n[dependencies]\nstore = { path = \"crates/db\", package = \"shop-db\" }\n",
        ),
        ("crates/db/Cargo.toml", "[package]\nname = \"shop-db\"\n"),
        (
            "crates/ui/Cargo.toml",
            "[package]\nname = \"shop-ui\"\n[lib]\nname = \"ui\"\npath = \"lib/ui.rs\"\n",
        ),
    ];
    let rows = [
        (
            "src/domain/order.rs",
            "use crate::web::views::Index;",
            "src/web/views.rs",
        ),
        (
            "src/domain/order.rs",
            "use crate::web::Index;",
            "src/web/mod.rs",
        ),
        (
            "src/domain/order.rs",
            "use super::super::web::views;",
            "src/web/views.rs",
        ),
        ("src/domain/order.rs", "use super::Money;", "src/domain.rs"),
        ("src/domain/order.rs", "use self::x;", "src/domain/order.rs"),
        (
            "src/domain/order.rs",
            "mod t { use super::super::super::web::x; }",
            "src/web/mod.rs",
        ),
        ("src/domain/order.rs", "use crate::Shop;", "src/lib.rs"),
        ("src/domain.rs", "use order::X;", "src/domain/order.rs"),
        ("src/domain.rs", "mod order;", "src/domain/order.rs"),
        (
            "src/domain.rs",
            "#[path = \"web/views.rs\"] mod v;",
            "src/web/views.rs",
        ),
        (
            "src/lib.rs",
            "fn f() { web::views::index() }",
            "src/web/views.rs",
        ),
        ("src/web/mod.rs", "use self::views::x;", "src/web/views.rs"),
        (
            "src/main.rs",
            "use my_shop::domain::order;",
            "src/domain/order.rs",
        ),
        (
            "src/web/mod.rs",
            "use store::pool::Pool;",
            "crates/db/src/pool.rs",
        ),
        (
            "src/web/mod.rs",
            "use shop_db::pool::Pool;",
            "crates/db/src/pool.rs",
        ),
        (
            "src/web/mod.rs",
            "use ui::page::P;",
            "crates/ui/lib/page.rs",
        ),
        ("src/web/mod.rs", "extern crate ui;", "crates/ui/lib/ui.rs"),
        (
            "crates/db/src/pool.rs",
            "use crate::X;",
            "crates/db/src/lib.rs",
        ),
        (
            "crates/db/src/pool.rs",
            "use my_shop::web::views;",
            "src/web/views.rs",
        ),
        (
            "crates/ui/lib/page.rs",
            "use super::page::x;",
            "crates/ui/lib/page.rs",
        ),
        ("src/bin/tool.rs", "use my_shop::web::x;", "src/web/mod.rs"),
        ("src/bin/big/main.rs", "mod part;", "src/bin/big/part.rs"),
        (
            "src/bin/big/part.rs",
            "use crate::x;",
            "src/bin/big/main.rs",
        ),
        (
            "tests/suite.rs",
            "mod common; use common::x;",
            "tests/common/mod.rs",
        ),
        ("src/web/views.rs", "use std::fs; use serde::x;", "-"),
        ("src/web/views.rs", "use super::super::super::x;", "-"),
    ];
    for (from, text, expected) in rows {
        assert_eq!(
            resolved(&files, &manifests, from, text)[0],
            expected,
            "{from}: {text}"
        );
    }
}

#[test]
fn javascripts_modules_are_found() {
    let files = [
        "src/domain/order.ts",
        "src/domain/index.ts",
        "src/web/views.tsx",
        "src/web/index.js",
        "src/data.json",
        "packages/ui/src/index.ts",
        "packages/ui/src/button.tsx",
        "packages/api/index.js",
    ];
    let manifests = [
        (
            "tsconfig.json",
            "{\"compilerOptions\": {\"paths\": {\"@/*\": [\"./src/*\"], \"@/domain\": [\"src/domain/index.ts\"]}}}",
        ),
        ("packages/ui/package.json", "{\"name\": \"@shop/ui\"}"),
        ("packages/api/package.json", "{\"name\": \"api\"}"),
        (
            "packages/ui/tsconfig.json",
            "{\"compilerOptions\": {\"baseUrl\": \"src\"}}",
        ),
    ];
    let rows = [
        (
            "src/domain/order.ts",
            "import '../web/views'",
            "src/web/views.tsx",
        ),
        (
            "src/domain/order.ts",
            "import '../web/views.js'",
            "src/web/views.tsx",
        ),
        ("src/domain/order.ts", "import '../web'", "src/web/index.js"),
        ("src/domain/order.ts", "import '.'", "src/domain/index.ts"),
        (
            "src/domain/order.ts",
            "import '../data.json?raw'",
            "src/data.json",
        ),
        (
            "src/domain/order.ts",
            "import '../web/made'",
            "src/web/made",
        ),
        ("src/domain/order.ts", "import '../../../x'", "-"),
        (
            "src/domain/order.ts",
            "import '@/web/views'",
            "src/web/views.tsx",
        ),
        (
            "src/domain/order.ts",
            "import '@/domain'",
            "src/domain/index.ts",
        ),
        (
            "src/domain/order.ts",
            "import '@shop/ui'",
            "packages/ui/src/index.ts",
        ),
        (
            "src/domain/order.ts",
            "import '@shop/ui/button'",
            "packages/ui/src/button.tsx",
        ),
        (
            "src/domain/order.ts",
            "import 'api'",
            "packages/api/index.js",
        ),
        (
            "src/domain/order.ts",
            "import 'api/lib/x'",
            "packages/api/lib/x/package.json",
        ),
        (
            "packages/ui/src/index.ts",
            "import 'button'",
            "packages/ui/src/button.tsx",
        ),
        ("src/domain/order.ts", "import 'react'", "-"),
        ("src/domain/order.ts", "import 'node:fs'", "-"),
    ];
    for (from, text, expected) in rows {
        assert_eq!(
            resolved(&files, &manifests, from, text)[0],
            expected,
            "{from}: {text}"
        );
    }
}

#[test]
fn gos_packages_are_found() {
    let manifests = [
        ("go.mod", "module example.org/shop\n"),
        ("tools/go.mod", "module example.org/shop/tools\n"),
    ];
    let rows = [
        ("import \"example.org/shop/web\"", "web/package.go"),
        ("import \"example.org/shop\"", "package.go"),
        ("import \"example.org/shop/tools/x\"", "tools/x/package.go"),
        ("import \"example.org/shopping\"", "-"),
        ("import \"fmt\"", "-"),
    ];
    for (text, expected) in rows {
        assert_eq!(
            resolved(&["web/a.go"], &manifests, "domain/a.go", text)[0],
            expected,
            "{text}"
        );
    }
}
