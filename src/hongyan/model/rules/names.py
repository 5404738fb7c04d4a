"""Names that say nothing about who sends (FAQ 2018: "中性化签名")."""

NEUTRAL = frozenset({
    "测试", "测试签名", "测试短信", "测试公司", "验证码", "短信验证码", "手机验证码", "动态码", "校验码", "验证", "验证短信",
    "通知", "短信通知", "提醒", "温馨提醒", "温馨提示", "友情提示", "短信提醒", "提示", "短信", "短消息", "签名", "短信签名",
    "公告", "系统", "系统通知", "系统消息", "消息", "消息通知", "客服", "客服中心", "客户服务", "公司", "企业", "平台", "官方",
    "官网", "营销", "推广", "活动", "优惠", "商城", "网站", "软件", "应用", "小程序", "公众号", "服务", "服务中心", "管理员",
    "注册", "登录", "会员", "用户", "订单", "物流", "快递", "中国", "个人", "先生", "女士", "你好", "您好", "欢迎", "test",
    "testing", "tester", "code", "verify", "verification", "verificationcode", "otp", "notice", "notification", "notify", "sms",
    "message", "alert", "info", "system", "sign", "signature", "signname", "aabb", "abc", "abcd", "abcdef", "aaa", "asdf", "qwer",
    "qwerty", "xxx", "demo", "example", "sample", "admin", "app", "web", "website", "service", "company", "hello", "welcome",
    "user", "none", "null",
})  # fmt: skip

ADDED = ("测试", "test", "demo", "短信", "签名", "公司")
"""A neutral name is no better for one of these in front or behind."""
